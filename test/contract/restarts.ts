import { createLoad } from '@endless/load'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { connectRaw, createCertificate, get, until, type Program } from '../helpers/index.js'
import type { AdapterUnderTest } from './adapter.js'
import { restart, startSubject } from './subject-program.js'

let scratch: string

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'endless-contract-'))
  return () => rm(scratch, { recursive: true })
})

export function testRestarts(adapter: AdapterUnderTest): void {
  test('three restarts under load fail no request', async () => {
    const { program, port } = await startSubject(adapter)
    await restartUnderLoad(program, { port, keepAliveConnections: 40, freshPerSecond: 100 }, 3)
  })

  test('restarts of an https server under load fail no request', async () => {
    const tls = await createCertificate()
    const { program, port } = await startSubject(adapter, { tls })
    const load = { port, keepAliveConnections: 20, freshPerSecond: 50, tls: { ca: tls.cert } }
    await restartUnderLoad(program, load, 2)
  })

  test('an idle connection lives on in the successor', async () => {
    const { program, port } = await startSubject(adapter)
    const client = await connectRaw(port)
    onTestFinished(() => client.destroy())
    client.request()
    await client.waitForResponses(1)
    for (const generation of ['1', '2']) {
      const { pid } = program.current
      await restart(program)
      await program.waitForEnd(pid, { step: 'its predecessor exits', deadlineMs: 10_000 })
      client.request()
      const responses = await client.waitForResponses(Number(generation) + 1)
      expect(responses.at(-1)).toMatchObject({
        status: 200,
        headers: { 'x-generation': generation },
      })
      expect(client.endedBy).toBeUndefined()
    }
  })

  test('after a successor that failed the old generation serves on, and the next restart works', async () => {
    const brokenWhile = join(scratch, 'broken')
    const { program, port } = await startSubject(adapter, { brokenWhile })
    await writeFile(brokenWhile, '')
    program.signal('SIGHUP')
    const failure = await program.waitForEvent('restart-failed', {
      step: 'the old generation reports the failure',
      deadlineMs: 15_000,
    })
    expect(failure).toMatchObject({ code: 'ERR_ENDLESS_SUCCESSOR_EXITED', pid: program.pid })
    expect(failure['message']).toContain('broken on purpose')
    expect((await get(port)).headers['x-pid']).toBe(String(program.pid))

    await rm(brokenWhile)
    await restart(program)
    expect((await get(port)).headers['x-generation']).toBe('1')
  })

  test('hooks run around the signals, whether given as options or registered', async () => {
    const { program } = await startSubject(adapter)
    await restart(program)
    await program.waitForEnd(program.pid, { step: 'generation 0 exits', deadlineMs: 10_000 })
    await until(() => hooksOf(program, program.pid).length === 5, {
      step: 'all its hooks have reported',
      deadlineMs: 5_000,
      explain: () => program.output.toString(),
    })
    const hooks = hooksOf(program, program.pid)
    expect(hooks.slice(0, 2)).toEqual(['before SIGHUP (option)', 'before SIGHUP (registered)'])
    expect(hooks.slice(2)).toEqual(
      expect.arrayContaining([
        'before SIGTERM (registered)',
        'after SIGHUP (option)',
        'after SIGTERM (option)',
      ]),
    )
    expect(hooksOf(program, program.current.pid)).toEqual([])
  })

  test('the pid file names the generation that serves, and the last one removes it', async () => {
    const pidFile = join(scratch, 'app.pid')
    const { program } = await startSubject(adapter, { options: { pidFile } })
    expect(await readFile(pidFile, 'utf8')).toBe(`${program.pid}\n`)
    await restart(program)
    expect(await readFile(pidFile, 'utf8')).toBe(`${program.current.pid}\n`)
    await program.waitForEnd(program.pid, { step: 'generation 0 exits', deadlineMs: 10_000 })
    expect(await readFile(pidFile, 'utf8')).toBe(`${program.current.pid}\n`)

    program.signal('SIGTERM')
    await program.waitForEnd(program.current.pid, { step: 'the last exits', deadlineMs: 10_000 })
    await expect(readFile(pidFile)).rejects.toThrow('ENOENT')
  })
}

async function restartUnderLoad(
  program: Program,
  options: Parameters<typeof createLoad>[0],
  restarts: number,
): Promise<void> {
  const load = createLoad({ settleMs: 500, ...options })
  onTestFinished(async () => {
    await load.stop()
  })
  load.start()
  await until(() => load.snapshot().answered > 100, { step: 'load has begun', deadlineMs: 10_000 })
  for (let count = 0; count < restarts; count++) {
    load.markRestart()
    program.signal('SIGHUP')
    await load.settled()
  }
  const { failures, failed, generations } = await load.stop()
  expect(failures.slice(0, 3)).toEqual([])
  expect(failed).toBe(0)
  expect(generations.map(({ generation }) => generation)).toEqual(
    Array.from({ length: restarts + 1 }, (_, number) => number),
  )
}

function hooksOf(program: Program, pid: number): unknown[] {
  return program.events
    .filter((event) => event.event === 'hook' && event.pid === pid)
    .map(({ hook }) => hook)
}
