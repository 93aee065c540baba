// Proves that the health routes of examples/kubernetes tell a load balancer of a shutdown, and of nothing else:
// 503 while requests are still answered, and never in a restart, by whichever process answers.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLoad, get as loadGet } from '@endless/load'
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  createKeepAliveAgent,
  endless,
  get,
  startProgram,
  until,
  type Program,
} from '../helpers/index.js'

const folder = fileURLToPath(new URL('../../examples/kubernetes/', import.meta.url))
const deadlineMs = 15_000

const cases = [
  ...['http', 'express', 'koa', 'fastify'].map((name) => ({ title: name, name, command: [] })),
  { title: 'http, under endless run', name: 'http', command: [endless, 'run'] },
]

describe.each(cases)('$title', ({ name, command }) => {
  const start = (env: NodeJS.ProcessEnv) =>
    startService([...command, path.join(folder, `${name}.js`)], env)

  test('a SIGTERM is told by 503, while requests are answered as ever, for shutdownDelayMs or until the hammer', async () => {
    const { program, port } = await start({ SHUTDOWN_DELAY_MS: '60000' })
    const agent = createKeepAliveAgent()
    const hello = await get(port, '/', { agent })
    expect(await get(port, '/health')).toMatchObject({ status: 200, body: 'running' })

    program.signal('SIGTERM', program.pid)
    const health = await until(
      async () => {
        const answer = await get(port, '/health')
        return answer.status !== 200 && answer
      },
      { step: 'the health route tells', deadlineMs },
    )
    expect(health).toMatchObject({ status: 503, body: 'shutting-down' })
    const kept = await get(port, '/', { agent })
    expect(kept).toMatchObject({ status: 200, body: hello.body, localPort: hello.localPort })
    expect(kept.headers.connection).toBe('keep-alive')
    expect(await get(port)).toMatchObject({ status: 200, body: hello.body })
    agent.destroy()
    program.signal('SIGUSR2', program.pid)
    expect(await program.waitForExit({ step: 'it exits', deadlineMs })).toEqual({
      code: 0,
      signal: null,
    })
  })

  test('a SIGHUP under load is told by nobody, also not by a predecessor that still answers', async () => {
    const { program, port } = await start({ SHUTDOWN_DELAY_MS: '60000' })
    // What it has read a part of, the predecessor answers, when the successor serves.
    const late = await connectRaw(port)
    late.request()
    await late.waitForResponses(1)
    late.write('GET /health HTTP/1.1\r\nHost: localhost\r\n')
    const load = createLoad({
      port,
      keepAliveConnections: 10,
      freshPerSecond: 50,
      settleMs: 100,
      calls: [loadGet('/'), loadGet('/health')],
      identify: ({ body }) => {
        const [, generation, pid] = /generation (\d+), pid (\d+)/.exec(body.toString()) ?? []
        return pid === undefined ? undefined : { pid: Number(pid), generation: Number(generation) }
      },
    })
    load.start()
    await until(() => load.snapshot().answered > 50, { step: 'answers', deadlineMs })
    load.markRestart()
    program.signal('SIGHUP', program.pid)
    await program.waitForLine(/generation 1 \(pid \d+\) serves/, {
      step: 'generation 1 takes over',
      deadlineMs,
    })
    late.write('\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [, health, hello] = await late.waitForResponses(3)
    expect([health?.status, health?.body]).toEqual([200, 'shutting-down'])
    expect(hello?.body).toMatch(/generation 0/)
    await load.settled()
    const { failures, generations } = await load.stop()
    expect(failures).toEqual([])
    expect(generations.map(({ generation }) => generation)).toEqual([0, 1])
    expect(await get(port, '/health')).toMatchObject({ status: 200, body: 'running' })
  })
})

test('the deployment gives more time than the shutdown may take, and notices it in time', () => {
  const deployment = readFileSync(path.join(folder, 'deployment.yaml'), 'utf8')
  const find = (pattern: RegExp) => Number(pattern.exec(deployment)?.[1])
  const graceMs = 1_000 * find(/terminationGracePeriodSeconds: (\d+)/)
  const shutdownDelayMs = find(/SHUTDOWN_DELAY_MS\n\s+value: '(\d+)'/)
  const hammerTimeMs = find(/HAMMER_TIME_MS\n\s+value: '(\d+)'/)
  const probeMs = 1_000 * find(/periodSeconds: (\d+)/) * find(/failureThreshold: (\d+)/)
  expect(graceMs).toBeGreaterThan(shutdownDelayMs + hammerTimeMs)
  expect(shutdownDelayMs).toBeGreaterThan(probeMs)
})

/** Starts a program on a port that the system gives. */
async function startService(
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ program: Program; port: number }> {
  const program = startProgram({ args, env: { PORT: '0', ...env } })
  const [, port] = await program.waitForLine(/serves \S+:(\d+)/, {
    step: 'it listens',
    deadlineMs,
  })
  return { program, port: Number(port) }
}
