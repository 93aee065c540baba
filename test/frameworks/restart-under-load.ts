import path from 'node:path'
import { createLoad, type Call } from '@endless/load'
import { expect } from 'vitest'
import { freePorts, runEndless, startProgram, until } from '../helpers/index.js'
import type { Row } from './rows.js'

const deadlineMs = 30_000

/**
 * Runs a program under `endless run`, restarts it again and again under load, and expects that no request is
 * lost, and that every generation that leaves has cleaned up.
 *
 * @param directory where the program and what it imports are
 */
export async function restartUnderLoad(
  directory: string,
  { program: file, args = [], path: target = '/', cleanUp, client }: Row,
  restarts: number,
): Promise<void> {
  const [port = 0, grpcPort = 0] = await freePorts(2)
  const env = { PORT: String(port), GRPC_PORT: String(grpcPort), FASTIFY_ADDRESS: '127.0.0.1' }
  const options = { cwd: directory, env }
  const program = runEndless(['run', file, ...args], options)
  const served: number[] = []
  const serves = async (number: number): Promise<void> => {
    const since = program.output.lines.length
    if (number > 0) program.signal('SIGHUP', program.pid)
    const pattern =
      number > 0
        ? new RegExp(`generation ${number} \\(pid (\\d+)\\) has taken over`)
        : /^\[endless (\d+)\] serving /
    const step = `generation ${number} serves`
    const [, pid] = await program.waitForLine(pattern, { step, deadlineMs, since: number && since })
    served.push(Number(pid))
  }
  await serves(0)
  const caller = client
    ? startProgram({ args: [path.join(directory, client)], ...options })
    : undefined
  await caller?.waitForEvent('calling', { step: 'the other client calls', deadlineMs })
  const call: Call = { name: `GET ${target}`, method: 'GET', path: target }
  const load = createLoad({
    port,
    host: 'localhost',
    keepAliveConnections: 20,
    freshPerSecond: 100,
    calls: [() => call],
  })
  load.start()
  const answers = async (count: number): Promise<void> => {
    const goal = load.snapshot().answered + count
    await until(() => load.snapshot().answered >= goal, {
      step: `${count} further answers`,
      deadlineMs,
      explain: () => JSON.stringify(load.snapshot()) + program.output.toString(),
    })
  }
  for (let number = 1; number <= restarts; number++) {
    await answers(200)
    await serves(number)
  }
  await answers(200)
  expect(await load.stop()).toMatchObject({ failed: 0 })
  if (caller) {
    caller.signal('SIGTERM', caller.pid)
    const called = await caller.waitForEvent('called', { step: 'the client reports', deadlineMs })
    expect(called).toMatchObject({ failures: [] })
  }
  program.signal('SIGTERM', program.pid)
  expect(await program.waitForExit({ step: 'the service ends', deadlineMs })).toEqual({
    code: 0,
    signal: null,
  })
  if (!cleanUp) return
  const cleaned = program.stdout.split('\n').flatMap((line) => cleanUp.exec(line)?.[1] ?? [])
  // The last two may clean up side by side.
  expect(cleaned.map(Number).sort()).toEqual(served.sort())
}
