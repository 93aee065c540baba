// Proves that a shutdown answers the clients that wait in the kernel's queue, however long the event loop
// was blocked: they are connected already, and would be reset.
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  Answering,
  connectRaw,
  Http2Client,
  RawClient,
  startAnswering,
  superviseFixture,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 15_000
const waiting = 200

/** Connects while nobody accepts. */
async function connect(target: number | string): Promise<net.Socket> {
  const socket = typeof target === 'number' ? net.connect(target, '127.0.0.1') : net.connect(target)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Signals a program whose event loop is blocked, while so many clients wait that `open` has opened. */
async function signalWhileWaiting<T>(
  program: Answering,
  open: () => Promise<T>,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<T[]> {
  const clients: T[] = []
  await program.block(async () => {
    for (let index = 0; index < waiting; index++) clients.push(await open())
    program.program.signal(signal, program.program.pid)
  })
  return clients
}

/** Waits for the response of each; all but the first say that it is the last. */
async function expectAnswered(clients: RawClient[]): Promise<void> {
  const responses = await Promise.allSettled(
    clients.map((client) => client.waitForResponses(1, { deadlineMs })),
  )
  expect(responses.filter(({ status }) => status === 'rejected')).toEqual([])
  const closing = clients.filter(
    ({ responses: [response] }) => response?.headers['connection'] === 'close',
  )
  // One may have been accepted, and its request read, before the process saw the signal.
  expect(closing.length).toBeGreaterThanOrEqual(waiting - 1)
}

async function openHttp(target: number | string): Promise<RawClient> {
  const client = await connectRaw(target)
  client.request('/now/served')
  return client
}

describe('HTTP/1', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('over TCP, on %s', async (signal) => {
    const program = await startAnswering()
    const open = () => openHttp(program.port)
    await expectAnswered(await signalWhileWaiting(program, open, signal))
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('over a Unix socket, whose path is gone at once', async () => {
    const target = path.join(temporaryDirectory(), 'app.sock')
    const program = await startAnswering({ listen: [target] })
    await expectAnswered(await signalWhileWaiting(program, () => openHttp(target)))
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('without any grace for idle connections', async () => {
    const program = await startAnswering({ options: { idleGraceMs: 0 } })
    await expectAnswered(await signalWhileWaiting(program, () => openHttp(program.port)))
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('over TLS', async () => {
    const program = await startAnswering({ tls: true })
    const sockets = await signalWhileWaiting(program, () => connect(program.port))
    const clients = await Promise.all(
      sockets.map((socket) => connectRaw(program.port, { tls: { socket }, deadlineMs })),
    )
    for (const client of clients) client.request('/now/served')
    await expectAnswered(clients)
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('under a supervisor, which has a copy of the socket', async () => {
    const program = superviseFixture('answers-on-command.mjs')
    const ready = await program.waitForGeneration(0, { deadlineMs })
    const answering = new Answering(program, ready as never, false)
    await expectAnswered(await signalWhileWaiting(answering, () => openHttp(answering.port)))
    await program.waitForExit({ step: 'the service ends', deadlineMs })
  })

  test('after a restart, when the queue came from a predecessor', async () => {
    const program = await startAnswering()
    await program.drain('SIGHUP')
    await program.waitForExit()
    const successor = new Answering(program.program, program.program.current as never, false)
    const clients: RawClient[] = []
    await successor.block(async () => {
      for (let index = 0; index < waiting; index++) clients.push(await openHttp(program.port))
      program.program.signal('SIGTERM')
    })
    await expectAnswered(clients)
  })
})

test.each([
  { name: 'cleartext', secure: false },
  { name: 'TLS', secure: true },
])('HTTP/2 over $name', async ({ secure }) => {
  const program = await startAnswering({ http2: true, tls: secure })
  const sockets = await signalWhileWaiting(program, () => connect(program.port))
  const answers = sockets.map(async (socket) => {
    const createConnection = (): net.Socket =>
      secure ? tls.connect({ socket, ALPNProtocols: ['h2'], rejectUnauthorized: false }) : socket
    const session = http2.connect(`http${secure ? 's' : ''}://localhost`, { createConnection })
    return new Http2Client(session).get('/now/served')
  })
  expect(await Promise.all(answers)).toEqual(
    sockets.map(() => ({ status: 200, body: 'now served' })),
  )
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})

test.each([
  { name: 'cleartext', secure: false },
  { name: 'TLS', secure: true },
])("a raw server over $name, whose event 'drain' has each of them", async ({ secure }) => {
  const program = await startAnswering({ tls: secure, saysGoodbye: true } as never, 'echoes.mjs')
  const sockets = await signalWhileWaiting(program, () => connect(program.port))
  const clients = secure
    ? await Promise.all(
        sockets.map((socket) => connectRaw(program.port, { tls: { socket }, deadlineMs })),
      )
    : sockets.map((socket) => new RawClient(socket, socket))
  await Promise.all(
    clients.map((client) =>
      until(() => client.received.includes('goodbye'), { step: 'it hears goodbye', deadlineMs }),
    ),
  )
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})
