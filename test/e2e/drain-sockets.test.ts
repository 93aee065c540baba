// Proves what a restart does to what outlives a request, with real packages: WebSockets by ws and socket.io, CONNECT
// tunnels and server-sent events live until they end or the hammer falls; a goodbye is spread over time.
import { once } from 'node:events'
import net from 'node:net'
import { io, type Socket } from 'socket.io-client'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { startAnswering, until, withDeadline, type Answering } from '../helpers/index.js'

const deadlineMs = 15_000

/** Something that is open; `say` answers who has heard it. */
interface Open {
  say: () => Promise<string>
  end: () => void
  isEnded: () => boolean
}

test('each of them works on through a restart until its client ends it', async () => {
  const { program, opened } = await startWithAll()
  const idle = await program.connect()
  await program.drain('SIGHUP')
  // Those that have left HTTP; an event stream is a response.
  expect(await program.waitFor('drain')).toMatchObject({ upgraded: 3 })
  await idle.waitForEnd({ deadlineMs })
  expect(await said(opened)).toEqual(bySelf(0))
  for (const { end } of opened) end()
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})

test('what does not end is ended by the hammer, and by nothing before', async () => {
  const { program, opened } = await startWithAll({ hammerTimeMs: 1_500 })
  await program.drain('SIGHUP')
  expect(await said(opened)).toEqual(bySelf(0))
  expect(await program.waitForExit()).toMatchObject({ hammered: 4 })
  await until(() => opened.every(({ isEnded }) => isEnded()), {
    step: 'every client has noticed',
    deadlineMs,
  })
})

test('200 WebSockets are closed with 1012, spread over the window, and come back to the successor', async () => {
  const windowMs = 3_000
  const program = await start({ says: 'ws', windowMs })
  const codes: number[] = []
  const closedMs: number[] = []
  const heard: string[] = []
  for (let index = 0; index < 200; index++) {
    const client = await openWs(program.port)
    client.once('close', async (code) => {
      codes.push(code)
      closedMs.push(performance.now())
      heard.push(await sayTo(await openWs(program.port)))
    })
  }
  await program.drain('SIGHUP')
  await until(() => heard.length === 200, { step: 'all have come back', deadlineMs })
  expect(new Set(codes)).toEqual(new Set([1012]))
  expect(new Set(heard)).toEqual(new Set(['hi to generation 1']))
  const beganMs = Math.min(...closedMs)
  const tenths = Array.from({ length: 10 }, () => 0)
  for (const ms of closedMs) tenths[Math.min(9, Math.floor(((ms - beganMs) * 10) / windowMs))]!++
  expect(Math.max(...tenths), tenths.join(' ')).toBeLessThanOrEqual(3 * 20)
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})

test('a WebSocket that is upgraded in the middle of a drain is closed with 1012 too, also one whose upgrade took a while', async () => {
  const program = await start({
    says: 'ws',
    windowMs: 300,
    options: { idleGraceMs: 60_000, migrateConnections: false },
  })
  const early = await openWs(program.port)
  const earlyClose = once(early, 'close') as Promise<[number]>
  // It was there before the drain, and is answered only after it has begun.
  const waiting = new WebSocket(`ws://127.0.0.1:${program.port}/ws-later`)
  const waitingClose = once(waiting, 'close') as Promise<[number]>
  // A connection of HTTP, which becomes a WebSocket later.
  const raw = net.connect(program.port, '127.0.0.1')
  onTestFinished(() => void raw.destroy())
  await once(raw, 'connect')
  const response = once(raw, 'data')
  raw.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await response
  await program.waitFor('waiting')
  await program.drain('SIGHUP')
  const late = new WebSocket(`ws://127.0.0.1:${program.port}/ws`, { createConnection: () => raw })
  const lateClose = once(late, 'close') as Promise<[number]>
  await program.command('upgrade')
  const closes = Promise.all([earlyClose, waitingClose, lateClose])
  const ended = await withDeadline(closes, { step: 'all are closed', deadlineMs })
  expect(ended.map(([code]) => code)).toEqual([1012, 1012, 1012])
  // The second of them was among the upgraded when the drain began, unanswered as it was.
  await program.waitFor('drain', { upgraded: 2 })
  await program.waitFor('drain', { upgraded: 1 })
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})

test('if the successor dies, the WebSockets whose turn has not come stay open', async () => {
  const windowMs = 1_500
  const program = await start({ says: 'ws', windowMs })
  const clients = await Promise.all(Array.from({ length: 30 }, () => openWs(program.port)))
  const beganMs = performance.now()
  await program.drain('SIGHUP')
  const successor = program.program.current.pid
  program.program.signal('SIGKILL', successor)
  await program.waitFor('restart-failed')
  const left = clients.filter(({ readyState }) => readyState === WebSocket.OPEN)
  expect(left.length).toBeGreaterThan(0)
  // For as long as they would have been closed in, and longer.
  while (performance.now() < beganMs + windowMs + 300) {
    const answers = await Promise.all(left.map(sayTo))
    expect(new Set(answers)).toEqual(new Set(['hi to generation 0']))
  }
})

test.each(['websocket', 'polling'])(
  'socket.io over %s: connections that are closed one by one come back by themselves',
  async (transport) => {
    const program = await start({ says: 'socket.io', windowMs: 500 })
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => openIo(program.port, transport)),
    )
    await program.drain('SIGHUP')
    const comeBack = clients.map(async (client) => {
      if (client.connected) await once(client as never, 'disconnect')
      if (!client.connected) await once(client as never, 'connect')
      return sayToIo(client)
    })
    const heard = await withDeadline(Promise.all(comeBack), { step: 'all are back', deadlineMs })
    expect(new Set(heard)).toEqual(new Set(['hi to generation 1']))
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  },
)

test('socket.io: a client that is disconnected with disconnectSockets() does not come back', async () => {
  const program = await start({ says: 'socket.io-disconnect' })
  const client = await openIo(program.port, 'websocket')
  const disconnect = once(client as never, 'disconnect') as Promise<[string]>
  await program.drain('SIGHUP')
  const [reason] = await withDeadline(disconnect, { step: 'it is disconnected', deadlineMs })
  expect(reason).toBe('io server disconnect')
  // socket.io's word for "waits for connect() of the application".
  expect(client.active).toBe(false)
})

function start(settings: Parameters<typeof startAnswering>[0]): Promise<Answering> {
  return startAnswering(settings, 'serves-sockets.mjs')
}

/** Starts a program, and opens one of each kind. */
async function startWithAll(options: object = {}) {
  const program = await start({
    server: { keepAliveTimeout: 0 },
    options: { idleGraceMs: 0, migrateConnections: false, ...options },
  })
  const kinds = [webSocket, socketIo, tunnel, eventStream]
  const opened: Open[] = []
  for (const open of kinds) opened.push(await open(program))
  expect(await said(opened)).toEqual(bySelf(0))
  return { program, opened }
}

/** What each kind answers in a generation. */
function bySelf(generation: number): string[] {
  const answer = `hi to generation ${generation}`
  return [answer, answer, 'hi', `data: ${generation}`]
}

function said(opened: Open[]): Promise<string[]> {
  const answers = Promise.all(opened.map(({ say }) => say()))
  return withDeadline(answers, { step: 'all are answered', deadlineMs })
}

async function webSocket({ port }: Answering): Promise<Open> {
  const client = await openWs(port)
  return {
    say: () => sayTo(client),
    end: () => client.close(),
    isEnded: () => client.readyState === WebSocket.CLOSED,
  }
}

async function socketIo({ port }: Answering): Promise<Open> {
  const client = await openIo(port, 'websocket', { reconnection: false })
  return {
    say: () => sayToIo(client),
    end: () => void client.disconnect(),
    isEnded: () => !client.connected,
  }
}

/** A tunnel to a server that echoes. */
async function tunnel(program: Answering): Promise<Open> {
  const echo = net.createServer((socket) => void socket.pipe(socket).on('error', () => undefined))
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  onTestFinished(() => void echo.close())
  const client = await program.connect()
  const { port } = echo.address() as net.AddressInfo
  client.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  const answer = 'HTTP/1.1 200 Connection Established\r\n\r\n'
  await until(() => client.received.equals(Buffer.from(answer)), { step: 'it is open', deadlineMs })
  return {
    say: async () => {
      const { length } = client.received
      client.write('hi')
      await until(() => client.received.length === length + 2, { step: 'it echoes', deadlineMs })
      return client.received.subarray(length).toString()
    },
    end: () => client.end(),
    isEnded: () => client.endedBy !== undefined,
  }
}

async function eventStream(program: Answering): Promise<Open> {
  const client = await program.connect()
  client.request('/events')
  return {
    say: async () => {
      const { length } = client.received
      await until(() => client.received.length > length + 30, {
        step: 'an event comes',
        deadlineMs,
      })
      return client.received
        .toString()
        .match(/data: \d+/g)!
        .at(-1)!
    },
    end: () => client.destroy(),
    isEnded: () => client.endedBy !== undefined,
  }
}

async function openWs(port: number): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  onTestFinished(() => client.terminate())
  await withDeadline(once(client, 'open'), { step: 'a WebSocket opens', deadlineMs })
  return client
}

async function sayTo(client: WebSocket): Promise<string> {
  client.send('hi')
  const answer = once(client, 'message') as Promise<[Buffer]>
  const [data] = await withDeadline(answer, { step: 'a WebSocket answers', deadlineMs })
  return data.toString()
}

async function openIo(port: number, transport: string, options: object = {}): Promise<Socket> {
  const client = io(`http://127.0.0.1:${port}`, {
    transports: [transport],
    forceNew: true,
    reconnectionDelay: 100,
    ...options,
  })
  onTestFinished(() => void client.disconnect())
  await withDeadline(once(client as never, 'connect'), { step: 'socket.io connects', deadlineMs })
  return client
}

function sayToIo(client: Socket): Promise<string> {
  const answer = client.emitWithAck('say', 'hi') as Promise<string>
  return withDeadline(answer, { step: 'socket.io answers', deadlineMs })
}
