// Proves what only a Fastify app needs of a restart: both addresses of `localhost`, its onClose hooks, its keep-alive time.
import { createLoad, type ProgramEvent } from '@endless/load'
import { expect, onTestFinished, test } from 'vitest'
import {
  connectHttp2,
  connectRaw,
  get,
  openGate,
  startFixture,
  until,
  waitForGate,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000

test('three restarts lose no request on either address of localhost', async () => {
  const { program, ports } = await start({ host: 'localhost' })
  const [port = 0] = ports
  const loads = ['127.0.0.1', '::1'].map((host) =>
    createLoad({ port, host, keepAliveConnections: 5, freshPerSecond: 50, settleMs: 200 }),
  )
  onTestFinished(async () => {
    for (const load of loads) await load.stop()
  })
  for (const load of loads) load.start()
  await until(() => loads.every((load) => load.snapshot().answered > 50), {
    step: 'both loads have begun',
    deadlineMs,
  })
  for (let restarts = 0; restarts < 3; restarts++) {
    for (const load of loads) load.markRestart()
    program.signal('SIGHUP')
    await Promise.all(loads.map((load) => load.settled()))
    await program.waitForGeneration(restarts + 1, { deadlineMs })
  }
  for (const load of loads) {
    const { failures, failed, generations } = await load.stop()
    expect(failures.slice(0, 3)).toEqual([])
    expect(failed).toBe(0)
    expect(generations.map(({ generation }) => generation)).toEqual([0, 1, 2, 3])
  }
})

test('at the end, what was asked is answered, then onClose hooks run, then the process exits', async () => {
  const { program, ports } = await start()
  const slow = get(ports[0]!, '/slow')
  const gate = await waitForGate(program, 0, 'slow')
  program.signal('SIGTERM')
  await program.waitForEvent('drain', { step: 'the drain begins', deadlineMs })
  await openGate(gate)
  expect(await slow).toMatchObject({ status: 200, body: 'app 0' })
  const exit = await program.waitForExit({ step: 'it exits', deadlineMs })
  expect(exit).toEqual({ code: 0, signal: null })
  const names = program.events.map(({ event }) => event)
  expect(names).toEqual(['ready', 'listening', 'gate', 'drain', 'onClose', 'terminate', 'exit'])
  expect(eventsOf(program, 'onClose')).toMatchObject([{ state: 'terminate' }])
})

test.each([false, true])(
  'what was asked of the second address is answered at the end, with forceCloseConnections: %s',
  async (forceCloseConnections) => {
    const { program, ports } = await start({
      host: 'localhost',
      fastify: { forceCloseConnections },
    })
    const slow = get(ports[0]!, '/slow', { host: '::1' })
    const gate = await waitForGate(program, 0, 'slow')
    program.signal('SIGTERM')
    const drains = () => eventsOf(program, 'drain').length
    await until(() => drains() === 2, { step: 'both servers drain', deadlineMs })
    await openGate(gate)
    expect(await slow).toMatchObject({ status: 200, body: 'app 0' })
    await program.waitForExit({ step: 'it exits', deadlineMs })
    expect(eventsOf(program, 'onClose')).toHaveLength(1)
  },
)

test('a restart ends an idle connection to the second address no earlier than one to the first', async () => {
  const { program, ports } = await start({ host: 'localhost', tls: true })
  const client = await connectRaw(ports[0]!, { host: '::1', tls: true })
  client.request()
  await client.waitForResponses(1)
  program.signal('SIGHUP')
  await program.waitForGeneration(1, { deadlineMs })
  await program.waitForEvent('drain', { step: 'generation 0 drains', deadlineMs })
  client.request()
  const [, response] = await client.waitForResponses(2)
  expect(response).toMatchObject({ headers: { connection: 'close' }, body: 'generation 0' })
})

test.each([false, true])(
  'an HTTP/2 app, with https: %s, answers its streams, and serves both addresses in the next generation',
  async (tls) => {
    const { program, ports } = await start({ host: 'localhost', tls, fastify: { http2: true } })
    const hosts = ['127.0.0.1', '::1']
    const visit = () => Promise.all(hosts.map((host) => connectHttp2(ports[0]!, { tls, host })))
    const before = await visit()
    for (const client of before) {
      expect(await client.get('/')).toEqual({ status: 200, body: 'generation 0' })
    }
    const slow = before[1]!.get('/slow')
    const gate = await waitForGate(program, 0, 'slow')
    program.signal('SIGHUP')
    await program.waitForGeneration(1, { deadlineMs })
    await before[0]!.waitForEnd()
    await openGate(gate)
    expect(await slow).toEqual({ status: 200, body: 'app 0' })
    for (const client of await visit()) {
      expect(await client.get('/')).toEqual({ status: 200, body: 'generation 1' })
    }
    const exit = await program.waitForExit({ step: 'generation 0 exits', deadlineMs })
    expect(exit).toEqual({ code: 0, signal: null })
    expect(eventsOf(program, 'onClose')).toHaveLength(1)
  },
)

test('a SIGTERM listener that closes the app is warned about, and what was asked is answered all the same', async () => {
  const { program, ports } = await start({ closesByItself: true })
  const slow = get(ports[0]!, '/slow')
  const gate = await waitForGate(program, 0, 'slow')
  program.signal('SIGTERM')
  await program.waitForEvent('drain', { step: 'the drain begins', deadlineMs })
  await openGate(gate)
  expect(await slow).toMatchObject({ status: 200, body: 'app 0' })
  const exit = await program.waitForExit({ step: 'it exits', deadlineMs })
  expect(exit).toEqual({ code: 0, signal: null })
  expect(eventsOf(program, 'onClose')).toHaveLength(1)
  expect(program.stderr).toContain('Another listener to SIGTERM is in this process')
})

test('after a restart the old generation runs its onClose hooks, and the new one none', async () => {
  const { program } = await start()
  program.signal('SIGHUP')
  await program.waitForExit({ step: 'generation 0 exits', deadlineMs })
  expect(eventsOf(program, 'onClose')).toMatchObject([{ pid: program.pid }])
  expect(eventsOf(program, 'before SIGHUP')).toMatchObject([{ pid: program.pid }])
})

test('two apps restart as one, and each is closed', async () => {
  const { program, ports } = await start({ apps: 2 })
  program.signal('SIGHUP')
  await program.waitForGeneration(1, { deadlineMs })
  for (const port of ports) expect((await get(port)).body).toBe('generation 1')
  await program.waitForExit({ step: 'generation 0 exits', deadlineMs })
  const closed = eventsOf(program, 'onClose').map(({ app }) => app)
  expect(closed.sort()).toEqual([0, 1])
  expect(eventsOf(program, 'before SIGHUP').map(({ app }) => app)).toEqual([0, 1])
})

test('a kept connection is not closed in a restart before the 72 seconds that it was promised', async () => {
  // A quiet time of 1 ms would end it at once, if the longer promise did not count: only the hammer does.
  const options = { idleGraceMs: 1, hammerTimeMs: 400 }
  const { program, ports } = await start({ tls: true, options })
  const client = await connectRaw(ports[0]!, { tls: true })
  client.request()
  const [response] = await client.waitForResponses(1)
  expect(response?.headers['keep-alive']).toBe('timeout=72')
  program.signal('SIGHUP')
  const hammer = await program.waitForEvent('hammer', { step: 'the hammer falls', deadlineMs })
  expect(hammer).toMatchObject({ pid: program.pid, destroyed: 1 })
})

test('what endless says is in the log of the first app', async () => {
  const { program, ports } = await start()
  const line = `"name":"endless","generation":0,"msg":"generation 0 (pid ${program.pid}) serves 127.0.0.1:${ports[0]}`
  await until(() => program.stderr.includes(line), {
    step: 'the log has the address',
    deadlineMs,
    explain: () => program.output.toString(),
  })
  expect(program.stderr).not.toContain('[endless')
})

/** Starts the fixture, and waits until every app listens. */
async function start(settings: object = {}): Promise<{ program: Program; ports: number[] }> {
  const program = startFixture('serves-with-fastify.mjs', { args: [JSON.stringify(settings)] })
  const { ports } = await program.waitForEvent<ProgramEvent & { ports: number[] }>('listening', {
    step: 'generation 0 listens',
    deadlineMs,
  })
  return { program, ports }
}

function eventsOf(program: Program, name: string): ProgramEvent[] {
  return program.events.filter(({ event }) => event === name)
}
