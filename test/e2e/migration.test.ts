// Proves that an open HTTP/1 connection lives on in the successor, whatever its client does meanwhile,
// with everything that Node knows of a connection; and that what may not move stays where it is.
import { connectRaw, createKeepAliveAgent, get, post, type RawClient } from '../helpers/index.js'
import { expect, onTestFinished, test } from 'vitest'
import {
  connectPipelining,
  startTelling,
  type Telling,
  until,
  whoAnswers,
} from '../helpers/index.js'

const deadlineMs = 15_000
/** Nothing is closed for being idle while a test looks. */
const server = { keepAliveTimeout: 60_000 }

/** Holds the first generation until the test lets it go, so that it drains for as long as it takes. */
async function hold(service: Telling): Promise<() => Promise<void>> {
  const client = await service.connect()
  client.request('/wait/hold')
  await service.waitFor('request', { name: 'hold' })
  return async () => {
    await service.command('answer', { name: 'hold' })
    await client.waitForResponses(1)
    client.destroy()
    await exits(service)
  }
}

/** Resolves when the first generation has exited well, also where it could not print all it reports. */
async function exits({ program }: Telling): Promise<void> {
  const exit = await program.waitForExit({ step: 'the first generation exits', deadlineMs })
  expect(exit).toEqual({ code: 0, signal: null })
}

function expectOpen(clients: readonly RawClient[]): void {
  expect(clients.map(({ endedBy }) => endedBy)).toEqual(clients.map(() => undefined))
}

const socketFacts = ({ responses }: RawClient) => JSON.parse(responses.at(-1)!.body) as unknown

test('idle and fresh connections go on in the successor, and not one is closed', async () => {
  const service = await startTelling({ server })
  const letGo = await hold(service)
  const idle = await service.connectIdle(100)
  const fresh = await service.connectFresh(100)
  const facts = new Map(idle.map((client) => [client, socketFacts(client)]))
  const next = await service.restart()
  const all = [...idle, ...fresh]
  // Nobody sends anything, and still they all go, and the predecessor with them.
  await service.untilGone(all)
  const ports = all.map(({ localPort }) => localPort).sort()
  const portsOf = (event: string, generation: number) =>
    service
      .eventsOf(event, generation)
      .map(({ remotePort }) => remotePort)
      .sort()
  expect(portsOf('connection-closed', 0)).toEqual(ports)
  expect(portsOf('connection', 1)).toEqual(ports)
  expect(await service.command('connections', {}, next)).toEqual([200])
  const status = await service.command<{ servers: unknown[] }>('status', {}, next)
  expect(status.servers).toMatchObject([{ connections: { open: 200, idle: 200 } }])
  expect(await whoAnswers(all)).toEqual({ 1: 200 })
  // Its own address and its client's are those of before.
  for (const [client, before] of facts) expect(socketFacts(client)).toEqual(before)
  expectOpen(all)
  await letGo()
  expect(service.eventsOf('warning')).toEqual([])
  for (const client of all) client.destroy()
  await until(async () => (await service.command<number[]>('connections', {}, next))[0] === 0, {
    step: 'the successor counts them out again',
    deadlineMs,
  })
})

test('an adopted connection has the options of one that was accepted', async () => {
  const create = { noDelay: false, keepAlive: true, keepAliveInitialDelay: 7_000 }
  const service = await startTelling({ create })
  await service.connectIdle(1)
  await service.restart()
  await service.waitFor('connection', { generation: 1 })
  await service.connectFresh(1)
  const [adopted, accepted] = service.eventsOf('connection', 1)
  expect(accepted).toMatchObject({ keepAlive: true, delay: 7, allowHalfOpen: true })
  expect({ ...adopted, remotePort: 0 }).toEqual({ ...accepted, remotePort: 0 })
})

test('maxConnections drops no connection that moves, and holds for new ones', async () => {
  const generations = { 1: { server: { maxConnections: 3 } } }
  const service = await startTelling({ generations })
  const idle = await service.connectIdle(20)
  const next = await service.restart()
  await exits(service)
  expect(await whoAnswers(idle)).toEqual({ 1: 20 })
  expect(await service.command('connections', {}, next)).toEqual([20])
  const late = await service.connect()
  await late.waitForEnd()
  for (const client of idle.slice(2)) client.destroy()
  await until(async () => (await service.command<number[]>('connections', {}, next))[0] === 2, {
    step: 'two are left',
    deadlineMs,
  })
  expect(await whoAnswers(await service.connectIdle(1))).toEqual({ 1: 1 })
})

test('maxRequestsPerSocket counts on: the last request that it allows says close, and further ones get 503', async () => {
  const service = await startTelling({ server: { ...server, maxRequestsPerSocket: 4 } })
  const [client, other] = (await service.connectIdle(2)) as [RawClient, RawClient]
  for (const number of [1, 2]) {
    await service.restart()
    await service.waitFor('exit', { generation: number - 1, code: 0 })
    expect(await whoAnswers([client])).toEqual({ [number]: 1 })
  }
  expect(client.responses[2]!.headers['connection']).toBe('keep-alive')
  client.request('/', { count: 2 })
  const responses = (await client.waitForResponses(5)).slice(3)
  expect(responses.map(({ status }) => status)).toEqual([200, 503])
  expect(responses[0]!.headers['connection']).toBe('close')
  // One that has asked once may ask three times more; the application sees its own limit.
  other.request('/', { count: 4 })
  const others = (await other.waitForResponses(5)).slice(1)
  expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 503])
  expect(await service.command('limit', {}, service.program.current as never)).toEqual([4, 4])
})

test('busy connections are answered where they are, and go on in the successor', async () => {
  const service = await startTelling()
  const busy = await service.connectIdle(5)
  for (const [index, client] of busy.entries()) {
    client.request(`/wait/${index}`)
    await service.waitFor('request', { name: String(index) })
  }
  await service.restart()
  for (const [index, client] of busy.entries()) {
    await service.command('answer', { name: String(index) })
    const [, response] = await client.waitForResponses(2)
    expect(response!.headers).toMatchObject({ 'x-generation': '0', connection: 'keep-alive' })
  }
  await exits(service)
  expect(await whoAnswers(busy)).toEqual({ 1: 5 })
  expectOpen(busy)
})

test.each(['SIGHUP', 'SIGTERM'] as const)(
  'a response that the program writes to its detached socket is whole after %s, and the drain waits for its end',
  async (signal) => {
    const service = await startTelling({
      options: { idleGraceMs: 0 },
      server: { keepAliveTimeout: 0 },
    })
    const [client, idle] = (await service.connectIdle(2)) as [RawClient, RawClient]
    client.request('/detach/half')
    await service.waitFor('request', { name: 'half' })
    service.program.signal(signal)
    // It has been as quiet as the one that moves, or is closed for its grace of nothing.
    await service.waitFor('connection-closed', { generation: 0, remotePort: idle.localPort })
    expect(await service.waitFor('drain')).toMatchObject({ upgraded: 1 })
    await service.command('answer', { name: 'half' })
    const [, response] = await client.waitForResponses(2)
    expect(response).toMatchObject({ body: 'first,second', headers: { 'x-generation': '0' } })
    expect(client.endedBy).toBeUndefined()
    client.end()
    await exits(service)
  },
)

test('half a header is answered by the process that has read it; then its connection moves', async () => {
  const service = await startTelling()
  const letGo = await hold(service)
  const [used] = (await service.connectIdle(1)) as [RawClient]
  const [fresh] = (await service.connectFresh(1)) as [RawClient]
  for (const client of [used, fresh]) client.write('GET / HTTP/1.1\r\nHo')
  // What was written before is read before what comes later.
  await service.connectIdle(1)
  await service.restart()
  await service.connectIdle(1)
  for (const client of [used, fresh]) client.write('st: localhost\r\n\r\n')
  expect((await used.waitForResponses(2))[1]!.headers['x-generation']).toBe('0')
  expect((await fresh.waitForResponses(1))[0]!.headers['x-generation']).toBe('0')
  await letGo()
  expect(await whoAnswers([used, fresh])).toEqual({ 1: 2 })
})

test('pipelined requests are answered in order, by one process or by both', async () => {
  const service = await startTelling()
  const [client] = (await service.connectIdle(1)) as [RawClient]
  client.write(
    'GET /wait/first HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3',
  )
  await service.waitFor('request', { name: 'first' })
  await service.restart()
  await service.command('answer', { name: 'first' })
  await client.waitForResponses(3)
  expect(service.eventsOf('exit')).toEqual([])
  client.write(' HTTP/1.1\r\nHost: x\r\n\r\n')
  const responses = await client.waitForResponses(4)
  expect(responses.map(({ headers }) => headers['x-generation'])).toEqual(['0', '0', '0', '0'])
  await exits(service)
  expect(await whoAnswers([client])).toEqual({ 1: 1 })
})

test.each([
  ['always has ten requests outstanding', { outstanding: 10 }],
  ['always has two', { outstanding: 2 }],
  ['sends one every 10 ms', { everyMs: 10 }],
])('a client that %s, and so is never idle, goes on in the successor', async (_, pace) => {
  const service = await startTelling({ options: { hammerTimeMs: 20_000 } })
  const clients = await Promise.all(
    Array.from({ length: 5 }, () => connectPipelining(service.port, { ...pace, takesMs: 100 })),
  )
  for (const client of clients) {
    await client.waitForResponse(() => client.responses.length >= 20, '20 responses')
  }
  await service.restart()
  await exits(service)
  for (const client of clients) {
    await client.waitForResponse(({ headers }) => headers['x-generation'] === '1', 'it has moved')
    client.stop()
    await client.waitForRest()
    expect(client.answered).toEqual(client.sent)
    expect([client.endedBy, client.wasTold]).toEqual([undefined, false])
  }
})

test('the rest of a body that was answered without reading it is never taken for a request', async () => {
  const service = await startTelling()
  const [client] = (await service.connectIdle(1)) as [RawClient]
  const smuggled = 'GET /wait/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
  client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length + 5}\r\n\r\nfirst`)
  await client.waitForResponses(2)
  await service.restart()
  await service.connectIdle(1)
  expect(service.eventsOf('connection', 1).map(({ remotePort }) => remotePort)).not.toContain(
    client.localPort,
  )
  client.write(smuggled)
  await exits(service)
  expect(await whoAnswers([client])).toEqual({ 1: 1 })
  expect(service.eventsOf('request')).toEqual([])
})

test.each([
  ['half-closes', (client: RawClient) => client.end()],
  ['resets', (client: RawClient) => client.reset()],
])('a client that %s while it moves leaves nothing behind', async (_, leave) => {
  const service = await startTelling()
  const clients = await service.connectIdle(60)
  const since = service.program.output.lines.length
  service.program.signal('SIGHUP')
  await service.waitFor('connection', { generation: 1 }, since)
  for (const client of clients) leave(client)
  await exits(service)
  const next = service.program.current
  await until(
    async () => (await service.command<number[]>('connections', {}, next as never))[0] === 0,
    {
      step: 'the successor has none of them',
      deadlineMs,
    },
  )
  expect((await get(service.port)).headers['x-generation']).toBe('1')
  expect(service.eventsOf('warning')).toEqual([])
})

test('a client that half-closes after its last request is answered by whoever has it', async () => {
  const service = await startTelling({ server: { httpAllowHalfOpen: true } })
  const clients = await service.connectIdle(40)
  const since = service.program.output.lines.length
  service.program.signal('SIGHUP')
  await service.waitFor('connection', { generation: 1 }, since)
  for (const client of clients) {
    client.request('/?last')
    client.end()
  }
  for (const client of clients) {
    await client.waitForResponses(2)
    expect(await client.waitForEnd()).toBe('fin')
  }
  await exits(service)
})

test('Connection: close and HTTP/1.0 are answered and closed after a move, as before it', async () => {
  const service = await startTelling()
  const [closing, old] = (await service.connectFresh(2)) as [RawClient, RawClient]
  await service.restart()
  await exits(service)
  closing.request('/', { headers: 'Connection: close\r\n' })
  old.write('GET / HTTP/1.0\r\n\r\n')
  for (const client of [closing, old]) {
    const [response] = await client.waitForResponses(1)
    expect(response!.headers).toMatchObject({ 'x-generation': '1', connection: 'close' })
    expect(await client.waitForEnd()).toBe('fin')
  }
})

test('an upgrade after a move is served by the successor', async () => {
  const service = await startTelling()
  const [client] = (await service.connectIdle(1)) as [RawClient]
  await service.restart()
  await exits(service)
  client.request('/', { headers: 'Connection: upgrade\r\nUpgrade: echo\r\n' })
  await until(() => client.received.includes('101 Switching'), { step: 'it switches', deadlineMs })
  client.write('hello')
  await until(() => client.received.includes('1:hello'), { step: 'it echoes', deadlineMs })
})

test('the timers of Node hold for an adopted connection as for one that has become idle here', async () => {
  const service = await startTelling({
    create: { connectionsCheckingInterval: 50, headersTimeout: 300, keepAliveTimeout: 700 },
  })
  const [idle, active] = (await service.connectIdle(2)) as [RawClient, RawClient]
  await service.restart()
  await exits(service)
  const began = performance.now()
  // Slower than keepAliveTimeout: what limits an idle connection does not cut off an answer.
  active.request('/later?ms=2500')
  // Longer than headersTimeout: it owes no header. Not for ever either.
  expect(await idle.waitForEnd({ deadlineMs })).toBe('fin')
  expect(idle.responses).toHaveLength(1)
  expect(performance.now() - began).toBeGreaterThan(650)
  await active.waitForResponses(2, { deadlineMs })
  expect(await active.waitForEnd({ deadlineMs })).toBe('fin')
})

test('a fresh adopted connection that stays silent gets the 408 of Node', async () => {
  const generations = {
    1: { create: { connectionsCheckingInterval: 50, headersTimeout: 300, requestTimeout: 300 } },
  }
  const service = await startTelling({ generations })
  const [client] = (await service.connectFresh(1)) as [RawClient]
  await service.restart()
  expect(await client.waitForResponses(1)).toMatchObject([{ status: 408 }])
  expect(await client.waitForEnd()).toBe('fin')
})

test('a longer Keep-Alive timeout that was promised is kept by a successor with a shorter one', async () => {
  const generations = {
    0: { create: { keepAliveTimeout: 2_000 } },
    1: { create: { keepAliveTimeout: 200 } },
    2: { create: { keepAliveTimeout: 200 } },
  }
  const service = await startTelling({ generations })
  const [first, second] = (await service.connectIdle(2)) as [RawClient, RawClient]
  expect(first.responses[0]!.headers['keep-alive']).toBe('timeout=2')
  const began = performance.now()
  await service.restart()
  await exits(service)
  await service.restart()
  await service.waitFor('exit', { generation: 1, code: 0 })
  await first.waitForEnd({ deadlineMs })
  expect(performance.now() - began).toBeGreaterThan(2_000)
  await second.waitForEnd({ deadlineMs })
})

test.each(['data', 'readable'])(
  "a connection with a foreign '%s' listener stays",
  async (foreign) => {
    const options = { idleGraceMs: 0 }
    const service = await startTelling({ options, generations: { 0: { foreign, options } } })
    const [client] = (await service.connectIdle(1)) as [RawClient]
    await service.restart()
    expect(await whoAnswers([client])).toEqual({ 0: 1 })
    expect(client.responses[1]!.headers['connection']).toBe('close')
    expect(await client.waitForEnd()).toBe('fin')
    expect(service.eventsOf('connection', 1)).toEqual([])
  },
)

test('a TLS connection that another server has accepted stays, is told, and holds up none that moves', async () => {
  const service = await startTelling({ server, emitsTls: true })
  const secure = await Promise.all(
    Array.from({ length: 3 }, () => connectRaw(service.ports[1]!, { tls: true })),
  )
  expect(await whoAnswers(secure)).toEqual({ 0: 3 })
  const plain = await service.connectIdle(40)
  await service.restart()
  await service.untilGone(plain)
  expect(await whoAnswers(plain)).toEqual({ 1: 40 })
  expect(await whoAnswers(secure)).toEqual({ 0: 3 })
  for (const client of secure) {
    expect(client.responses[1]!.headers['connection']).toBe('close')
    expect(await client.waitForEnd()).toBe('fin')
  }
  await exits(service)
  expectOpen(plain)
})

test.each([
  ['its predecessor', 0],
  ['itself', 1],
] as const)('migrateConnections: false of %s lets nothing move', async (_, number) => {
  const generations = { [number]: { options: { migrateConnections: false } } }
  const service = await startTelling({ generations })
  const [client] = (await service.connectIdle(1)) as [RawClient]
  await service.restart()
  expect(await whoAnswers([client])).toEqual({ 0: 1 })
  expect(client.responses[1]!.headers['connection']).toBe('close')
  expect(await client.waitForEnd()).toBe('fin')
})

test('a function decides which connections move', async () => {
  const service = await startTelling({ evenPortsOnly: true })
  const clients = await service.connectIdle(20)
  const odd = clients.filter(({ localPort }) => localPort % 2 === 1)
  const even = clients.filter(({ localPort }) => localPort % 2 === 0)
  await service.restart()
  expect(await whoAnswers(odd)).toEqual(odd.length > 0 ? { 0: odd.length } : {})
  for (const client of odd) expect(await client.waitForEnd()).toBe('fin')
  await exits(service)
  expect(await whoAnswers(even)).toEqual(even.length > 0 ? { 1: even.length } : {})
})

test('a connection to an address that the successor does not listen on is answered and closed', async () => {
  const options = { unclaimedGraceMs: 50 }
  const service = await startTelling({ servers: 2, options, generations: { 1: { servers: 1 } } })
  const [stays] = [await service.connect(service.ports[1])]
  stays.request()
  await stays.waitForResponses(1)
  await service.restart()
  expect(await whoAnswers([stays])).toEqual({ 0: 1 })
  expect(await stays.waitForEnd()).toBe('fin')
})

test('through three restarts idle connections of generation 0 arrive in 3 while a download stays', async () => {
  const service = await startTelling({ server })
  const { program } = service
  const download = await service.connect()
  download.request('/begin/download')
  await service.waitFor('request', { name: 'download' })
  const idle = await service.connectIdle(20)
  const fresh = await service.connectFresh(20)
  for (let count = 0; count < 3; count++) await service.restart()
  await until(() => service.eventsOf('connection', 3).length === 40, {
    step: 'all have arrived',
    deadlineMs,
  })
  expect(await whoAnswers([...idle, ...fresh])).toEqual({ 3: 40 })
  await service.command('answer', { name: 'download' })
  await download.waitForResponses(1)
  // It goes through generations 1 and 2, which have waited for that, into 3.
  for (const { pid } of program.generations.slice(0, 3)) {
    await service.waitFor('exit', { pid, code: 0 })
  }
  expect(await whoAnswers([download])).toEqual({ 3: 1 })
  expectOpen([...idle, ...fresh, download])
})

test('an agent of node:http and the global fetch reconnect not once in three restarts', async () => {
  const service = await startTelling({ server })
  const { port } = service
  const agent = createKeepAliveAgent()
  onTestFinished(() => agent.destroy())
  const ask = async () => {
    const viaAgent = await get(port, '/', { agent })
    const viaFetch = await fetch(`http://127.0.0.1:${port}/`)
    const { remotePort } = (await viaFetch.json()) as { remotePort: number }
    expect(viaFetch.headers.get('x-generation')).toBe(viaAgent.headers['x-generation'])
    return [viaAgent.localPort, remotePort, viaAgent.headers['x-generation']]
  }
  const first = await ask()
  for (const number of ['1', '2', '3']) {
    await service.restart()
    await service.waitFor('exit', { generation: Number(number) - 1, code: 0 })
    expect(await ask()).toEqual([first[0], first[1], number])
  }
  expect((await post(port, '/echo', 'body', { agent })).body).toBe('body')
})

test('a successor that hangs in the middle stops only what is on its way to it', async () => {
  const service = await startTelling({ server })
  const { program } = service
  const clients = await service.connectIdle(400)
  const since = program.output.lines.length
  program.signal('SIGHUP')
  const { pid } = await service.waitFor('connection', { generation: 1 }, since)
  program.signal('SIGSTOP', pid)
  const moved = () =>
    new Set(service.eventsOf('connection-closed', 0).map((each) => each['remotePort']))
  let left: RawClient[] = []
  // A command that is answered comes after what the successor had acknowledged.
  for (let count = 0; count < 3; count++) await service.command('status')
  left = clients.filter(({ localPort }) => !moved().has(localPort))
  expect(left.length).toBeGreaterThan(50)
  for (const client of left) client.request()
  const answered = () => left.filter(({ responses }) => responses.length === 2)
  await until(() => answered().length >= left.length - 32, {
    step: 'all but what is on its way is answered',
    deadlineMs,
  })
  for (const client of answered()) expect(client.responses[1]!.headers['x-generation']).toBe('0')
  program.signal('SIGCONT', pid)
  await exits(service)
  for (const client of left) await client.waitForResponses(2)
  expect(await whoAnswers(clients)).toEqual({ 1: 400 })
  expectOpen(clients)
})

test('of a predecessor that is killed in the middle, what had arrived lives on', async () => {
  const service = await startTelling({ server })
  const { program } = service
  const clients = await service.connectIdle(400)
  const since = program.output.lines.length
  program.signal('SIGHUP')
  await service.waitFor('connection', { generation: 1 }, since)
  program.signal('SIGKILL', program.pid)
  await program.waitForEnd(program.pid, { step: 'the predecessor is gone', deadlineMs })
  await program.waitForGeneration(1, { deadlineMs })
  await until(
    async () => {
      const [count] = await service.command<number[]>('connections', {}, program.current)
      return count === clients.filter(({ endedBy }) => endedBy === undefined).length
    },
    { step: 'those that are open are those that the successor has', deadlineMs },
  )
  const alive = clients.filter(({ endedBy }) => endedBy === undefined)
  expect(alive.length).toBeGreaterThan(0)
  expect(await whoAnswers(alive)).toEqual({ 1: alive.length })
  expect(service.eventsOf('warning')).toEqual([])
})

test('a thousand moves leave no file open in either process, and no warning', async () => {
  const service = await startTelling({ server })
  const { program } = service
  const letGo = await hold(service)
  const before = await service.command<number>('fds')
  const clients = await service.connectIdle(1_000)
  const next = await service.restart()
  await service.untilGone(clients)
  expect(await service.command('connections')).toEqual([1])
  // Its successor's channel and the escrow, in place of the listening socket.
  expect(await service.command<number>('fds')).toBeLessThanOrEqual(before + 2)
  const open = await service.command<number>('fds', {}, next)
  expect(await service.command('connections', {}, next)).toEqual([1_000])
  for (const client of clients) client.destroy()
  await until(async () => (await service.command<number>('fds', {}, next)) <= open - 1_000, {
    step: 'the successor has closed them',
    deadlineMs,
  })
  await letGo()
  expect(service.eventsOf('warning')).toEqual([])
  expect(program.stderr).not.toMatch(/Warning|MaxListeners/)
})
