// Proves that a successor which dies while its predecessor still drains costs no more than what was
// inside of it: nobody is refused, and the predecessor serves again as if it had never drained.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createLoad, get as loadGet } from '@endless/load'
import { expect, onTestFinished, test } from 'vitest'
import {
  type GateEvent,
  get,
  isAlive,
  openGate,
  startFixture,
  startTelling,
  type Telling,
  temporaryDirectory,
  type TellingSettings,
  until,
  waitForGate,
  whoAnswers,
} from '../helpers/index.js'

const deadlineMs = 15_000

/** Starts a service whose successors die by the fate that is written. */
async function start(settings: TellingSettings = {}) {
  const directory = temporaryDirectory()
  const fate = path.join(directory, 'fate')
  const pidFile = path.join(directory, 'app.pid')
  const service = await startTelling({
    ...settings,
    fate,
    options: { ...settings.options, pidFile },
  })
  return {
    service,
    pidInFile: () => Number(readFileSync(pidFile, 'utf8')),
    foretell: (how: string, at: string | number) => {
      writeFileSync(fate, JSON.stringify({ how, at }))
    },
    spare: () => rmSync(fate),
  }
}

/** Resolves when the first generation serves again; answers why. */
async function servesAgain(service: Telling, since: number) {
  const { program } = service
  const failed = await service.waitFor('restart-failed', { pid: program.pid }, since)
  await service.waitFor('ready', { pid: program.pid }, since)
  const { state, servers } = await service.command<{ state: string; servers: { state: string }[] }>(
    'status',
  )
  expect([state, ...servers.map((server) => server.state)]).toEqual([
    'running',
    ...servers.map(() => 'running'),
  ])
  return failed['error'] as { code: string; message: string; exitCode: number; signal: string }
}

/** Resolves when nobody listens any more, not even the escrow. */
async function isRefused(port: number): Promise<void> {
  const isSo = () =>
    get(port).then(
      () => false,
      (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED',
    )
  await until(isSo, { step: 'connections are refused', deadlineMs })
}

const reasons = {
  kill: { exitCode: null, signal: 'SIGKILL' },
  exit: { exitCode: 1, signal: null },
  throw: { exitCode: 1, signal: null },
} as const

test.each([
  ['kill', 'ready'],
  ['exit', 'ready'],
  ['throw', 'ready'],
  ['kill', 30],
  ['exit', 30],
  ['throw', 30],
] as const)(
  'a successor that dies by %s at %s is replaced by its predecessor, and the next one by none',
  async (how, at) => {
    const { service, pidInFile, foretell, spare } = await start()
    const { program, port } = service
    const idle = await service.connectIdle(60)
    foretell(how, at)
    program.signal('SIGHUP')
    const error = await servesAgain(service, 0)
    expect(error).toMatchObject({ code: 'ERR_ENDLESS_SUCCESSOR_EXITED', ...reasons[how] })
    expect(error.message).toMatch(
      /after it had taken over.* Generation 0 \(pid \d+\) takes over again\.$/,
    )
    expect(pidInFile()).toBe(program.pid)
    expect((await get(port)).headers['x-pid']).toBe(String(program.pid))

    // What it had taken over is lost with it, and nothing else.
    const taken = new Set(service.eventsOf('connection', 1).map(({ remotePort }) => remotePort))
    const lost = idle.filter(({ endedBy }) => endedBy !== undefined)
    for (const { localPort } of lost) expect(taken).toContain(localPort)
    const left = idle.filter(({ endedBy }) => endedBy === undefined)
    if (at === 'ready') expect(left.length).toBeGreaterThanOrEqual(28)
    expect(await whoAnswers(left)).toEqual({ 0: left.length })

    spare()
    const next = await service.restart()
    expect(pidInFile()).toBe(next.pid)
    await service.waitFor('exit', { pid: program.pid, code: 0 })
    expect(await whoAnswers(left)).toEqual({ 1: left.length })
    expect((await get(port)).headers['x-pid']).toBe(String(next.pid))
    expect(service.eventsOf('after SIGTERM', 0)).toHaveLength(1)
    expect(service.eventsOf('warning')).toEqual([])
  },
)

test('under 300 fresh connections a second nobody is refused, and lost is only what was inside of it', async () => {
  const { service, foretell, spare } = await start()
  const { program, port } = service
  const load = createLoad({
    port,
    keepAliveConnections: 20,
    freshPerSecond: 300,
    calls: [loadGet()],
  })
  onTestFinished(async () => {
    await load.stop()
  })
  // What keeps the predecessor until its successor is dead.
  const long = await service.connect()
  long.request('/wait/long')
  await service.waitFor('request', { name: 'long' })
  load.start()
  const answersMore = async (count: number) => {
    const { answered } = load.snapshot()
    await until(() => load.snapshot().answered >= answered + count, {
      step: `${count} more answers`,
      deadlineMs,
    })
  }
  await answersMore(100)
  foretell('kill', 40)
  const since = program.output.lines.length
  program.signal('SIGHUP')
  await servesAgain(service, since)
  await answersMore(200)
  const taken = service.eventsOf('connection', 1).length
  const closed = service.eventsOf('connection-closed', 1).length
  const { failures } = load.snapshot()
  expect(failures.filter(({ kind }) => kind !== 'no-response' && kind !== 'cut')).toEqual([])
  expect(failures.length).toBeLessThanOrEqual(taken - closed)
  spare()
  await service.restart()
  await answersMore(200)
  const report = await load.stop()
  expect(report.failures).toEqual(failures)
  expect(report.generations.at(-1)).toMatchObject({ generation: 1, pid: program.current.pid })
})

test('its hammer falls no more: what lasts longer than the hammer time is answered', async () => {
  const { service, foretell } = await start({ options: { hammerTimeMs: 1_500 } })
  const client = await service.connect()
  client.request('/later/long?ms=0')
  await service.waitFor('request', { name: 'long' })
  const drained = performance.now()
  foretell('kill', 'ready')
  service.program.signal('SIGHUP')
  await servesAgain(service, 0)
  await until(() => performance.now() - drained > 2_000, { step: 'the time is over', deadlineMs })
  expect(service.eventsOf('hammer')).toEqual([])
  await service.command('answer', { name: 'long' })
  await client.waitForResponses(1)
  expect(await whoAnswers([client])).toEqual({ 0: 1 })
})

test('a successor that dies long after the migration is replaced while a response keeps its predecessor', async () => {
  const { service, pidInFile } = await start()
  const { program, port } = service
  const idle = await service.connectIdle(5)
  const long = await service.connect()
  long.request('/begin/long')
  await service.waitFor('request', { name: 'long' })
  const { pid } = await service.restart()
  await service.untilGone(idle)
  expect(await whoAnswers(idle)).toEqual({ 1: 5 })
  expect(pidInFile()).toBe(pid)
  const since = program.output.lines.length
  program.signal('SIGKILL', pid)
  await servesAgain(service, since)
  expect(pidInFile()).toBe(program.pid)
  for (const client of idle) await client.waitForEnd()
  const later = await service.connectIdle(5)
  expect((await get(port)).headers['x-generation']).toBe('0')

  const next = await service.restart()
  await service.untilGone(later)
  expect(await whoAnswers(later)).toEqual({ 1: 5 })
  await service.command('answer', { name: 'long' })
  await long.waitForResponses(1)
  await service.waitFor('exit', { pid: program.pid, code: 0 })
  expect(await whoAnswers([long])).toEqual({ 1: 1 })
  expect(pidInFile()).toBe(next.pid)
})

test('several servers serve again, also an idle one, and one that the successor did not listen on', async () => {
  const options = { unclaimedGraceMs: 50 }
  const { service } = await start({ servers: 3, options, generations: { 1: { servers: 2 } } })
  const { program, ports } = service
  const third = ports[2]!
  const idle = await service.connectIdle(1)
  const long = await service.connect()
  long.request('/begin/long')
  await service.waitFor('request', { name: 'long' })
  const { pid } = await service.restart()
  await service.untilGone(idle)
  expect(await whoAnswers(idle)).toEqual({ 1: 1 })
  await expect(get(third)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  const since = program.output.lines.length
  program.signal('SIGKILL', pid)
  await servesAgain(service, since)
  for (const port of ports) expect((await get(port)).headers['x-generation']).toBe('0')
  expect(service.eventsOf('server-closed', 0)).toEqual([])

  await service.restart()
  await service.command('answer', { name: 'long' })
  await service.waitFor('exit', { pid: program.pid, code: 0 })
  expect(service.eventsOf('server-closed', 0)).toHaveLength(3)
})

test('a TLS server serves again', async () => {
  const { service, foretell, spare } = await start({ tls: true })
  const idle = await service.connectIdle(2)
  foretell('kill', 'ready')
  service.program.signal('SIGHUP')
  await servesAgain(service, 0)
  const headers = (await whoAnswers(idle), idle[0]!.responses.at(-1)!.headers)
  expect(headers['connection']).toBe('keep-alive')
  expect(await whoAnswers(await service.connectIdle(2))).toEqual({ 0: 2 })
  spare()
  await service.restart()
  expect(await whoAnswers(await service.connectIdle(2))).toEqual({ 1: 2 })
})

test('a Fastify app serves again on both addresses of localhost, and its onClose hooks have not run', async () => {
  const program = startFixture('serves-with-fastify.mjs', {
    args: [JSON.stringify({ host: 'localhost' })],
  })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const slow = get(port, '/slow')
  const gate = await waitForGate(program, 0, 'slow')
  program.signal('SIGHUP')
  const { pid } = await program.waitForGeneration(1, { deadlineMs })
  const since = program.output.lines.length
  program.signal('SIGKILL', pid)
  await program.waitForGeneration(0, { since, deadlineMs })
  for (const host of ['127.0.0.1', '::1']) {
    expect((await get(port, '/', { host })).headers['x-pid']).toBe(String(program.pid))
  }
  expect(program.events.filter(({ event }) => event === 'onClose')).toEqual([])
  await openGate(gate)
  expect((await slow).body).toBe('app 0')
  const again = program.output.lines.length
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { since: again, deadlineMs })
  for (const host of ['127.0.0.1', '::1']) {
    expect((await get(port, '/', { host })).headers['x-generation']).toBe('1')
  }
  await program.waitForEvent(({ event, pid }) => event === 'exit' && pid === program.pid, {
    step: 'it exits',
    deadlineMs,
  })
  expect(program.events.filter(({ event }) => event === 'onClose')).toHaveLength(1)
})

test('the death of a successor that has been succeeded is answered by it, not by generation 0', async () => {
  const { service } = await start()
  const { program, port } = service
  const [oldest, middle] = [await service.connect(), await service.connect()]
  oldest.request('/begin/oldest')
  await service.waitFor('request', { name: 'oldest' })
  const first = await service.restart()
  middle.request('/begin/middle')
  await service.waitFor('request', { name: 'middle' })
  const second = await service.restart()
  const since = program.output.lines.length
  program.signal('SIGKILL', second.pid)
  await service.waitFor('ready', { pid: first.pid }, since)
  expect((await get(port)).headers['x-pid']).toBe(String(first.pid))
  expect(service.eventsOf('restart-failed').map(({ pid }) => pid)).toEqual([first.pid])
  await service.command('answer', { name: 'oldest' })
  await service.waitFor('exit', { pid: program.pid, code: 0 })
  // It adopts connections of an older generation also after it has taken over again.
  expect(await whoAnswers([oldest])).toEqual({ 1: 1 })
  await service.command('answer', { name: 'middle' }, first)
  await middle.waitForResponses(1)
  expect(await whoAnswers([middle])).toEqual({ 1: 1 })
})

test('a plain SIGTERM of the successor ends both: its predecessor only finishes', async () => {
  const { service } = await start()
  const { program, port } = service
  const long = await service.connect()
  long.request('/wait/long')
  await service.waitFor('request', { name: 'long' })
  const { pid } = await service.restart()
  program.signal('SIGTERM', pid)
  await service.waitFor('exit', { pid, code: 0 })
  await isRefused(port)
  await service.command('answer', { name: 'long' })
  await long.waitForResponses(1)
  await service.waitFor('exit', { pid: program.pid, code: 0 })
  expect(service.eventsOf('restart-failed')).toEqual([])
  // Each has reported its exit before its process is gone.
  await until(() => program.alive.length === 0, { step: 'both are gone', deadlineMs })
})

test('SIGTERM to a predecessor that drains gives the escrow up: it finishes, whatever becomes of its successor', async () => {
  const { service } = await start()
  const { program, port } = service
  const long = await service.connect()
  long.request('/wait/long')
  await service.waitFor('request', { name: 'long' })
  const { pid } = await service.restart()
  program.signal('SIGTERM', program.pid)
  // A command that is answered after it shows that the signal has been handled.
  await service.command('status')
  await service.command('status')
  // So soon after the restart, the signal also means the service, and the successor may have ended by it.
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  await program.waitForEnd(pid, { step: 'the successor is gone', deadlineMs })
  await isRefused(port)
  await service.command('answer', { name: 'long' })
  await long.waitForResponses(1)
  await service.waitFor('exit', { pid: program.pid, code: 0 })
  expect(service.eventsOf('restart-failed')).toEqual([])
})

test('a successor that dies while its predecessor cleans up is not replaced: the predecessor exits', async () => {
  const { service } = await start({ stallsAtEnd: true })
  const { program } = service
  const { pid } = await service.restart()
  const gate = await waitForGate(program, 0, 'onTerminate')
  program.signal('SIGKILL', pid)
  await program.waitForEnd(pid, { step: 'the successor is gone', deadlineMs })
  await openGate(gate)
  await service.waitFor('exit', { pid: program.pid, code: 0 })
  expect(service.eventsOf('restart-failed')).toEqual([])
})

test('a successor that dies right before it takes over leaves nothing open in its predecessor', async () => {
  const { service } = await start({ stalls: true, servers: 3 })
  const { program } = service
  const fds = await service.command<number>('fds')
  for (let count = 0; count < 3; count++) {
    const since = program.output.lines.length
    program.signal('SIGHUP')
    const gate = await program.waitForEvent(({ event }) => event === 'gate', {
      step: 'the successor is ready',
      since,
      deadlineMs,
    })
    const [pid = 0] = program.alive.filter((each) => each !== program.pid)
    program.signal('SIGKILL', pid)
    await service.waitFor('restart-failed', {}, since)
    await openGate(gate as GateEvent)
  }
  await until(async () => (await service.command<number>('fds')) <= fds, {
    step: `it is back at ${fds} open files`,
    deadlineMs,
  })
})
