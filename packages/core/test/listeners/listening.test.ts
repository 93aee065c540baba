// Proves where a server listens, and on which socket: one that was passed to it, one that it binds, and
// the escrow of the one that it had.
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ListenTarget } from '../../src/listeners/address.js'
import { readListenCall } from '../../src/listeners/listen-call.js'
import { Listening, type ListeningHost } from '../../src/listeners/listening.js'
import type { PassedListener } from '../../src/listeners/passed-listener.js'
import { type RawListener, rawListenerOf } from '../../src/node/internals.js'
import { Life } from '../../src/server/life.js'
import { FakeSystem, settle } from '../fake-system.js'

const rights = { mode: undefined, owner: undefined }
let server: net.Server
let listening: Listening
let host: ListeningHost
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
  host = {
    system: new FakeSystem(),
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

test('it listens again where it did, or on the escrow of its socket', async () => {
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { bound } = listening
  for (const escrow of [undefined, await bind()]) {
    await once(server.close(), 'close')
    await new Promise<void>((resolve) => {
      listening.again(escrow?.handle, resolve)
    })
    expect(server.listening).toBe(true)
    if (!escrow) expect(listening.bound).toBe(bound)
    else expect(server.address()).toEqual(escrow.bound)
  }
  expect(logged).toEqual([])
})

test('an error of something else does not end that, and is thrown where nobody expects it', async () => {
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  await once(server.close(), 'close')
  let isDone = false
  listening.again(undefined, () => (isDone = true))
  expect(() => server.emit('error', new Error('foreign'))).toThrow('foreign')
  const heard = once(server, 'error')
  server.emit('error', new Error('foreign'))
  await heard
  expect(isDone).toBe(false)
  await settle()
  expect([isDone, server.listening, server.listenerCount('error'), logged]).toEqual([
    true,
    true,
    0,
    [],
  ])
})

test('where it cannot listen again, it says so, and that is the end of it', async () => {
  listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await once(server.close(), 'close')
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  await new Promise<void>((resolve) => {
    listening.again(undefined, resolve)
  })
  expect(logged).toEqual([
    expect.stringContaining(`127.0.0.1:${String(port)} again: listen EADDRINUSE`),
  ])
  expect(server.listenerCount('error')).toBe(0)
})
