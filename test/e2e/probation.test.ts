// Proves that a version which turns out bad while it is on probation is taken back: its predecessor has stayed
// behind, serves again within a second, and nobody loses a request or a connection by that, except for what was
// inside of a process that died.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  answersAgain,
  answersMore,
  answersWith,
  connectRaw,
  eventOf as event,
  eventsOf,
  get,
  hasExited,
  isRefused,
  longProbation as long,
  putLoad as load,
  serveOnProbation as serve,
  startOnProbation as start,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 15_000
const rolledBack = 'ERR_ENDLESS_ROLLED_BACK'

describe.each(['alone', 'under a supervisor'] as const)('a service %s', (how) => {
  test('keeps the old version behind until the new one is proven', async () => {
    const { program, first, port, status, restart, pidInFile } = await start(how, {
      probationMs: 1_500,
    })
    const report = await restart()
    expect(report).toMatchObject({ number: 1, probationMs: 1_500 })
    await until(
      async () => (await status()).generations.some(({ state }) => state === 'staying-behind'),
      { step: 'the old version stays behind', deadlineMs },
    )
    const { generations, lastRestart } = await status()
    expect(generations).toMatchObject([
      { pid: first.pid, state: 'staying-behind', isOnProbation: false },
      { pid: report.pid, state: 'running', isOnProbation: true },
    ])
    expect(lastRestart).toMatchObject({ outcome: 'taken-over', number: 1 })
    expect(await answersWith(port)).toBe(report.pid)
    expect(pidInFile()).toBe(how === 'alone' ? report.pid : program.pid)
    expect(eventsOf(program, first.pid)).not.toContain('onTerminate')

    await event(program, 'proven', report.pid)
    await event(program, 'exit', first.pid)
    expect(eventsOf(program, first.pid).slice(-4)).toEqual([
      'proven',
      'onTerminate',
      'terminate',
      'exit',
    ])
    await until(async () => (await status()).generations.length === 1, {
      step: 'the old version is gone',
      deadlineMs,
    })
    expect((await status()).generations).toMatchObject([{ state: 'running', isOnProbation: false }])
  })

  test('is rolled back by a request for it: connections go back, and nothing is lost', async () => {
    const { program, first, port, ask, status, restart, pidInFile } = await start(how)
    const clients = await load(port)
    const { pid } = await restart()
    await answersMore(clients, 300)
    const took = answersAgain(clients, first.pid)
    expect(await ask('POST', '/rollback?reason=it%20is%20slow')).toEqual({ status: 200, body: {} })
    expect(await took).toBeLessThan(1_000)
    await event(program, 'exit', pid)
    await answersMore(clients, 300)
    const { generations, lastRestart } = await status()
    expect(generations).toMatchObject([{ pid: first.pid, state: 'running' }])
    expect(lastRestart).toMatchObject({
      outcome: 'failed',
      number: 1,
      pid,
      error: { code: rolledBack, message: expect.stringContaining('it is slow') as string },
    })
    expect(pidInFile()).toBe(how === 'alone' ? first.pid : program.pid)
    expect(eventsOf(program, pid).slice(-4)).toEqual(['drain', 'onTerminate', 'terminate', 'exit'])
    expect(eventsOf(program, pid)).toContain('rolled-back')

    // The next one works, and is rolled back as well.
    const next = await restart()
    await answersMore(clients, 200)
    await ask('POST', '/rollback')
    await event(program, 'exit', next.pid)
    await restart('&probationMs=0')
    await event(program, 'exit', first.pid)
    await answersMore(clients, 100)
    const { failures, connections } = await clients.stop()
    expect(failures).toEqual([])
    expect(connections).toMatchObject({ reconnects: 0, closedAnnounced: 0, closedUnannounced: 0 })
    expect(connections.moved).toBeGreaterThanOrEqual(40)
  })

  test.each([
    ['kill', { exitCode: null, signal: 'SIGKILL', stderr: [] }],
    ['throw', { exitCode: 1, signal: null, stderr: ['about to throw'] }],
  ])('is rolled back when the new version dies by %s', async (way, { stderr, ...end }) => {
    const { program, first, port, status, ask, restart, pidInFile } = await start(how)
    const restarting = ask('POST', '/restart?wait=proven')
    await program.waitForGeneration(1, { deadlineMs })
    const { pid } = program.current
    await event(program, 'drain', first.pid)
    await get(port, `/${way}`).catch(() => undefined)
    expect(await answersWith(port)).toBe(first.pid)
    const { status: code, body } = await restarting
    expect([code, body['error']]).toMatchObject([
      500,
      {
        code: rolledBack,
        pid,
        ...end,
        stderr: expect.arrayContaining(stderr) as string[],
      },
    ])
    const failed = await event(program, 'restart-failed', first.pid)
    expect(failed['error']).toMatchObject({ code: rolledBack, ...end })
    expect((await status()).lastRestart).toMatchObject({ outcome: 'failed', error: { ...end } })
    expect(pidInFile()).toBe(how === 'alone' ? first.pid : program.pid)
    const next = await restart('&probationMs=0')
    await event(program, 'exit', first.pid)
    expect(await answersWith(port)).toBe(next.pid)
  })

  test('is rolled back when the event loop of the new version is blocked', async () => {
    const { program, first, port, restart } = await start(how)
    const clients = await load(port)
    const { pid } = await restart('&maxBlockedMs=1000')
    await event(program, 'drain', first.pid)
    await answersMore(clients, 100)
    const blocks = connectRaw(port).then((client) => client.request('/block'))
    const took = answersAgain(clients, first.pid)
    await blocks
    expect(await took).toBeLessThan(3_000)
    const { error } = await event(program, 'restart-failed', first.pid)
    expect(error).toMatchObject({
      code: rolledBack,
      message: expect.stringContaining('its event loop was blocked for 1 s') as string,
    })
    // Nobody can tell it to end.
    await program.waitForEnd(pid, { step: 'it is killed', deadlineMs })
    await answersMore(clients, 100)
    const { failures } = await clients.stop()
    // Only what was inside of it, or waits for it.
    expect(failures.filter(({ kind }) => kind !== 'no-response')).toEqual([])
  })

  test('is rolled back by the program itself: its new ports close, and those that it dropped are served again', async () => {
    const directory = temporaryDirectory()
    const [before, after] = ['before', 'after'].map((name) => path.join(directory, name))
    const { program, first, deploy, restart } = await start(
      how,
      { ...long, unclaimedGraceMs: 100 },
      { ports: 2, path: before! },
    )
    const [port, dropped] = first.ports as [number, number]
    deploy({ ports: 1, path: after! })
    await get(port, '/restart?proven')
    await program.waitForGeneration(1, { deadlineMs })
    const { pid } = program.current
    await event(program, 'drain', first.pid)
    await isRefused(dropped)
    expect((await get(0, '/', { socketPath: after! })).headers['x-pid']).toBe(String(pid))

    await get(port, '/rollback?it%20says%20so.')
    await event(program, 'rollback-resolved', pid)
    const rejected = await event(program, 'restart-rejected', first.pid)
    expect(rejected['error']).toMatchObject({
      code: rolledBack,
      message:
        `Generation 1 (pid ${pid}) was rolled back while on probation: it says so. ` +
        `Generation 0 (pid ${first.pid}) takes over again.`,
    })
    expect(await answersWith(port)).toBe(first.pid)
    expect(await answersWith(dropped)).toBe(first.pid)
    expect((await get(0, '/', { socketPath: before! })).headers['x-pid']).toBe(String(first.pid))
    expect(await event(program, 'exit', pid)).toMatchObject({ code: 0 })
    expect([existsSync(before!), existsSync(after!)]).toEqual([true, false])

    deploy({ ports: 2, path: before! })
    await restart('&probationMs=0')
    await event(program, 'exit', first.pid)
    expect((await get(dropped)).body).toBe('generation 1')
    expect((await get(0, '/', { socketPath: before! })).body).toBe('generation 1')
  })

  test('moves upgraded connections in both directions, if the program does', async () => {
    const { program, first, port, ask } = await serve(how, 'moves-tunnels.mjs', (pidFile) => [
      JSON.stringify({ passesOn: 0, options: { ...long, pidFile } }),
    ])
    const client = await connectRaw(port)
    const heard = (text: string) =>
      until(() => client.received.toString().endsWith(text), { step: `hears ${text}`, deadlineMs })
    client.request('/ada', { headers: 'Connection: upgrade\r\nUpgrade: echo\r\n' })
    await heard('\r\n\r\n')
    client.write('a')
    await heard('0:a')
    await ask('POST', '/restart')
    const { pid } = await program.waitForGeneration(1, { deadlineMs })
    await event(program, 'adopt', pid)
    client.write('b')
    await heard('1:b')
    await ask('POST', '/rollback')
    expect(await event(program, 'adopt', first.pid)).toMatchObject({ name: 'ada', heard: 2 })
    client.write('c')
    await heard('0:c')
    await program.waitForEnd(pid, { step: 'the new version ends', deadlineMs })
    expect(client.endedBy).toBeUndefined()
  })

  test('lets a restart wait until the version is proven', async () => {
    const { program, restart, pidInFile } = await start(how, { probationMs: 1_000 })
    const { pid } = await restart()
    program.signal('SIGHUP', pidInFile())
    await program.waitForLine(/the restart waits until it is proven/, {
      step: 'it waits',
      deadlineMs,
    })
    await program.waitForGeneration(2, { deadlineMs })
    const events = eventsOf(program, pid)
    expect(events.indexOf('proven')).toBeLessThan(events.indexOf('restarting'))
  })

  test('counts a version as proven that is restarted now', async () => {
    const { program, first, restart, endless } = await start(how)
    const { pid } = await restart()
    const words = ['--now', '--probation', '0ms', '--wait', 'drained']
    expect(await endless('restart', ...words)).toMatchObject({ code: 0 })
    expect(eventsOf(program, pid)).toContain('proven')
    expect([first.pid, pid].map(hasExited)).toEqual([true, true])
  })

  test('restarts the old version, if a restart has waited and the new one is rolled back', async () => {
    const { program, first, port, ask, restart } = await start(how)
    const { pid } = await restart()
    const waits = ask('POST', '/restart?wait=ready&probationMs=0')
    await get(port, '/rollback?bad')
    await event(program, 'rollback-resolved', pid)
    const { status, body } = await waits
    if (status === 307) expect(how).toBe('alone')
    else expect(await answersWith(port)).toBe(body['pid'])
    expect(eventsOf(program, first.pid)).toContain('restart-failed')
  })

  test('stops whole while a version is on probation', async () => {
    const { program, first, restart, endless, port } = await start(how)
    const idle = await connectRaw(port)
    idle.request()
    await idle.waitForResponses(1)
    const { pid } = await restart()
    idle.end()
    expect(await endless('stop')).toMatchObject({ code: 0 })
    for (const each of [first.pid, pid]) {
      expect(await event(program, 'exit', each)).toMatchObject({ code: 0 })
      expect(eventsOf(program, each)).toContain('onTerminate')
    }
    expect(eventsOf(program, first.pid)).not.toContain('proven')
  })

  test('goes on without the old version if that dies behind, and says so', async () => {
    const { program, first, port, restart, ask, endless } = await start(how)
    const { pid } = await restart()
    program.signal('SIGKILL', first.pid)
    await program.waitForLine(/predecessor, which stayed behind, is gone/, {
      step: 'it is said',
      deadlineMs,
    })
    expect(await answersWith(port)).toBe(pid)
    expect(await ask('POST', '/rollback')).toMatchObject({
      status: 409,
      body: { error: { code: 'ERR_ENDLESS_NOT_ON_PROBATION' } },
    })
    expect(await endless('rollback')).toEqual({
      code: 1,
      out: '',
      err: 'endless: Cannot roll back: no generation is on probation. Restart with a probation first.',
    })
    const next = await restart('&probationMs=0')
    expect(await answersWith(port)).toBe(next.pid)
  })
})

test('a deploy script learns of a rollback by the exit status, with the reason', async () => {
  const { program, first, endless, port } = await start('under a supervisor', {})
  const restarting = endless('restart', '--probation', '10min', '--wait', 'proven')
  await program.waitForGeneration(1, { deadlineMs })
  await event(program, 'drain', first.pid)
  const back = await endless('rollback', '--reason', 'too many errors')
  expect(back).toEqual({ code: 0, out: `generation 0 (pid ${first.pid}) serves again`, err: '' })
  const { code, err } = await restarting
  expect(code).toBe(1)
  expect(err).toMatch(/^endless: Generation 1 .* while on probation: too many errors\. /m)
  expect(await answersWith(port)).toBe(first.pid)
  expect(await endless('restart', '--probation', 'soon')).toMatchObject({ code: 2 })
})
