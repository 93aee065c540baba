// Proves where a server listens, and on which socket: one that was passed to it, one that it binds, and
// the escrow of the one that it had.
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ListenTarget } from '../../src/listeners/address.js'
import type { KeptListener } from '../../src/listeners/kept-listener.js'
import { readListenCall } from '../../src/listeners/listen-call.js'
import { Listening, type ListeningHost } from '../../src/listeners/listening.js'
import type { PassedListener } from '../../src/listeners/passed-listener.js'
import { rawListenerOf } from '../../src/node/internals/listening-handle.js'
import type { RawListener } from '../../src/node/internals/raw-handle.js'
import { Life } from '../../src/server/life.js'
import { FakeSystem, settle } from '../fake-system.js'

const rights = { mode: undefined, owner: undefined }
let server: net.Server
let listening: Listening
let host: ListeningHost
let system: FakeSystem
/** What a claim gives, and what it was asked for. */
let passed: PassedListener | undefined
let asked: ListenTarget[]
let heldPort: number
let logged: string[]
const servers: net.Server[] = []

beforeEach(() => {
  passed = undefined
  asked = []
  heldPort = 0
  logged = []
  const log = (text: string): void => void logged.push(text)
  system = new FakeSystem()
  host = {
    system,
    logger: { info: log, warn: log, error: log },
    directory: '/srv/current',
    claim: (target) => {
      asked.push(target)
      return passed
    },
    hasHeldPort: (port) => port === heldPort,
  }
  server = createServer()
  listening = new Listening(server, host, { life: new Life(), rights, ticketKeys: undefined })
  server.on('listening', () => {
    listening.opened()
    listening.begun()
  })
})

afterEach(async () => {
  for (const each of servers.splice(0)) each.close()
  await settle()
})

function createServer(): net.Server {
  const created = net.createServer((socket) => socket.destroy())
  servers.push(created)
  return created
}

/** Makes a socket that listens, to be passed on. */
async function bind(): Promise<PassedListener> {
  const bound = createServer().listen(0, '127.0.0.1')
  await once(bound, 'listening')
  // Its handle is closed by the server that gets it.
  servers.pop()
  return {
    asked: 'tcp:127.0.0.1:0',
    bound: bound.address() as net.AddressInfo,
    handle: rawListenerOf(bound)!,
  }
}

function listen(...args: unknown[]): void {
  listening.begin(readListenCall(args, host), args)
}

test('it binds what nobody has passed on, and can pass it on then', async () => {
  expect([listening.bound, listening.passable, listening.handle]).toEqual([null, undefined, null])
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address() as net.AddressInfo
  expect(listening.bound).toBe(`127.0.0.1:${String(bound.port)}`)
  expect(listening.passable).toMatchObject({ asked: 'tcp:127.0.0.1:0', bound })
  expect(listening.handle).toBe(rawListenerOf(server))
  expect(listening.isPutOff).toBe(false)
})

test('it takes what was passed on, and accepts when it is told to', async () => {
  passed = await bind()
  let calls = 0
  listen(0, '127.0.0.1', () => calls++)
  expect(server.address()).toEqual(passed.bound)
  await once(server, 'listening')
  expect([listening.isPutOff, calls]).toEqual([true, 1])
  const { port } = server.address() as net.AddressInfo
  const accepted = once(server, 'connection')
  const client = net.connect(port, '127.0.0.1')
  await once(client, 'connect')
  listening.accept()
  await accepted
  expect(listening.isPutOff).toBe(false)
  client.destroy()
})

test('an error of that accept is one of the server', async () => {
  passed = await bind()
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  const failed = once(server, 'error')
  const kernel = vi.spyOn(Object.getPrototypeOf(passed.handle) as RawListener, 'listen')
  kernel.mockReturnValueOnce(-22)
  listening.accept()
  kernel.mockRestore()
  const [error] = (await failed) as [Error]
  expect(error.message).toContain('errno -22')
})

test('a socket that was renounced is not accepted on', async () => {
  passed = await bind()
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { handle } = passed
  listening.renounce()
  listening.accept()
  expect([listening.isPutOff, Object.hasOwn(handle, 'listen')]).toEqual([false, true])
})

test('a name is looked up where it may be one of what was passed on', async () => {
  const socket = await bind()
  heldPort = (socket.bound as net.AddressInfo).port
  listen(heldPort, 'localhost')
  passed = socket
  await once(server, 'listening')
  expect(asked).toMatchObject([
    { host: 'localhost' },
    { host: expect.stringMatching(/[.:]1$/) as string },
  ])
  expect(listening.isPutOff).toBe(true)
})

test('a call that was aborted before it claims ends like one of Node', async () => {
  passed = await bind()
  const closed = once(server, 'close')
  listen({ port: 0, host: '127.0.0.1', signal: AbortSignal.abort() })
  await closed
  expect(server.listening).toBe(false)
})

test('another call forgets where it listened', async () => {
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  const first = listening.bound
  await once(server.close(), 'close')
  expect(listening.bound).toBe(first)
  listen(0, '127.0.0.1')
  expect(listening.bound).toBe(null)
  await once(server, 'listening')
})

/** Makes it listen again; resolves when it does, or when it has given up. */
function again(takeEscrow: () => KeptListener | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    listening.again(takeEscrow, resolve)
  })
}

test('it listens again where it did, or on the escrow of its socket', async () => {
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { bound } = listening
  for (const escrow of [undefined, await bind()]) {
    await once(server.close(), 'close')
    expect(await again(() => escrow)).toBe(true)
    expect(server.listening).toBe(true)
    if (!escrow) expect(listening.bound).toBe(bound)
    else expect(server.address()).toEqual(escrow.bound)
  }
  expect(logged).toEqual([])
})

/** Stops listening, and lets another server listen there. */
async function loseAddress(): Promise<net.Server> {
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await once(server.close(), 'close')
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  return other
}

test('while its address is in use it tries on, says so once, and bothers nobody with errors', async () => {
  const other = await loseAddress()
  server.on('error', (error) => logged.push(error.message))
  let isDone = false
  void again(() => undefined).then(() => (isDone = true))
  await system.advance(10_000)
  expect([isDone, server.listening]).toEqual([false, false])
  expect(logged).toEqual([
    expect.stringMatching(/^Cannot listen on 127\.0\.0\.1:\d+ again: listen EADDRINUSE/),
  ])
  other.close()
  await system.advance(1_000)
  expect([isDone, server.listening, system.pendingMs]).toEqual([true, true, []])
})

test('an escrow that arrives late is listened on', async () => {
  await loseAddress()
  const late = await bind()
  const copies: KeptListener[] = []
  const done = again(() => copies[0])
  await system.advance(50)
  copies.push(late)
  await system.advance(100)
  expect(await done).toBe(true)
  expect(server.address()).toEqual(late.bound)
})

test('it stops trying when the server is to end', async () => {
  await loseAddress()
  const done = again(() => undefined)
  listening.renounce()
  expect([await done, system.pendingMs]).toEqual([false, []])
})
