// Proves what becomes of a server that is closed, listened with again, and taken back, at moments that
// fall together: with real servers, in a process that does what the test says.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EndlessError } from '../../src/api/endless-error.js'
import { rawListenerOf } from '../../src/node/internals/listening-handle.js'
import { ManagedServer, type Occasion, type ServerHost } from '../../src/server/managed-server.js'
import { FakeSystem, settle } from '../fake-system.js'

const handoff: Occasion = { reason: 'handoff', isInteractive: false }
let server: http.Server
let managed: ManagedServer<http.Server>
/** What the process is told, and the server's own 'close'. */
let seen: string[]
const clients: net.Socket[] = []

beforeEach(() => {
  seen = []
  const note =
    (what: string): (() => void) =>
    () =>
      void seen.push(what)
  const host: ServerHost = {
    system: new FakeSystem(),
    logger: { info: () => undefined, warn: () => undefined, error: note('logged an error') },
    directory: '/',
    readyTimeoutMs: 60_000,
    mayAccept: true,
    arriving: undefined,
    claim: () => undefined,
    hasHeldPort: () => false,
    shareTicketKeys: () => false,
    listenBegun: () => undefined,
    listening: note('listening'),
    begun: note('begun'),
    listenFailed: note('listenFailed'),
    closing: () => undefined,
    draining: () => undefined,
    hammered: () => undefined,
    terminated: note('terminated'),
  }
  server = http.createServer()
  managed = new ManagedServer(server, host, {
    server: { beforeBegin: () => undefined },
    code: {},
    process: {},
    madeBy: 'code',
  })
  server.on('close', note('close'))
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  managed.strike()
  server.close()
  server.closeAllConnections()
  void managed.terminate()
  await settle()
})

async function listen(): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await settle()
}

/** Sends half a request, which holds its connection. */
async function connect(): Promise<net.Socket> {
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  clients.push(client)
  client.on('error', () => undefined) // it may be reset
  client.write('GET / HTTP/1.1\r\n')
  const [socket] = await accepted
  await once(client, 'connect')
  while (socket.bytesRead === 0) await settle(1)
  return client
}

async function end(client: net.Socket): Promise<void> {
  client.destroy()
  await once(client, 'close')
  await settle(10)
}

describe('a server that was closed and listens again while a connection is open', () => {
  test('begins anew, and is passed to a successor', async () => {
    const addresses: string[] = []
    managed.beforeBegin = (address) => void addresses.push(address)
    await listen()
    await connect()
    server.close()
    expect(managed.listening.passable).toBe(undefined)
    await listen()
    expect(managed.listening.passable).toMatchObject({
      bound: server.address(),
      handle: rawListenerOf(server),
    })
    expect(addresses).toHaveLength(2)
    expect(addresses[1]).toBe(managed.address)
    expect(seen).toEqual(['listening', 'begun', 'listening', 'begun'])
  })

  test('tells that it has failed, if it does', async () => {
    await listen()
    await connect()
    server.close()
    server.on('error', () => undefined)
    server.listen(0, '192.0.2.1')
    await once(server, 'error')
    expect(seen).toEqual(['listening', 'begun', 'listenFailed'])
  })
})

describe('a beforeBegin that is still under way', () => {
  test('when its server is closed and listens again, does not make that ready', async () => {
    const settlers: (() => void)[] = []
    managed.beforeBegin = () => new Promise((resolve) => settlers.push(resolve))
    await listen()
    await once(server.close(), 'close')
    await listen()
    settlers[0]?.()
    await settle()
    expect(seen).toEqual(['listening', 'terminated', 'close', 'listening'])
    settlers[1]?.()
    await settle()
    expect(seen.at(-1)).toBe('begun')
  })

  test.each([
    ['is closed', () => void server.close()],
    ['is shut down', () => void managed.shutdown()],
  ])('when its server %s, makes begin() reject', async (_, close) => {
    managed.beforeBegin = () => new Promise(() => undefined)
    const begun = managed.begin({ port: 0, host: '127.0.0.1' }).catch((error: unknown) => error)
    await once(server, 'listening')
    close()
    expect(((await begun) as EndlessError).code).toBe('ERR_ENDLESS_SERVER_CLOSED')
    expect(server.listenerCount('error')).toBe(0)
  })

  test('when its server is closed with a connection open, tells nobody, and begin() rejects', async () => {
    let settleHook = (): void => undefined
    managed.beforeBegin = () => new Promise((resolve) => (settleHook = resolve))
    const begun = managed.begin({ port: 0, host: '127.0.0.1' }).catch((error: unknown) => error)
    await once(server, 'listening')
    const client = await connect()
    server.close()
    settleHook()
    await settle()
    expect(seen).toEqual(['listening'])
    await end(client)
    expect(((await begun) as EndlessError).code).toBe('ERR_ENDLESS_SERVER_CLOSED')
  })
})

describe('a server that is taken back in the middle of a drain', () => {
  test('listens where it did', async () => {
    await listen()
    const { address } = managed
    await connect()
    managed.drain(handoff)
    await managed.takeBack(() => undefined)
    expect([managed.address, managed.state, managed.isDraining]).toEqual([
      address,
      'running',
      false,
    ])
    expect(seen).toEqual(['listening', 'begun'])
  })

  test('does not, if somebody has closed it meanwhile, and closes when it has drained', async () => {
    await listen()
    const client = await connect()
    managed.drain(handoff)
    server.close()
    await managed.takeBack(() => undefined)
    expect([server.listening, managed.state, managed.isDraining]).toEqual([
      false,
      'shutting-down',
      true,
    ])
    await end(client)
    expect(seen).toEqual(['listening', 'begun', 'terminated', 'close'])
    expect(await managed.terminated).toMatchObject({ reason: 'handoff' })
  })

  test('does not, if it was closed before, nor on any other port', async () => {
    await listen()
    await connect()
    server.close()
    managed.drain(handoff)
    await managed.takeBack(() => undefined)
    expect(server.listening).toBe(false)
  })

  test('does not, if it is being shut down by itself: that settles when it has drained', async () => {
    await listen()
    const client = await connect()
    managed.drain(handoff)
    const shutdown = managed.shutdown()
    await managed.takeBack(() => undefined)
    expect(server.listening).toBe(false)
    await end(client)
    expect(await shutdown).toMatchObject({ reason: 'handoff' })
  })

  test('does not, if it has terminated, and is told of again: it was kept for the drain', async () => {
    await listen()
    managed.drain(handoff)
    await managed.shutdown()
    seen = []
    await managed.takeBack(() => undefined)
    expect([server.listening, managed.state, seen]).toEqual([false, 'terminate', ['terminated']])
  })

  test('does not, and the escrow of its socket is closed with it', async () => {
    const other = net.createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as net.AddressInfo
    await listen()
    managed.drain(handoff)
    server.close()
    const handle = rawListenerOf(other)!
    await managed.takeBack(() => ({ handle, bound: other.address() as net.AddressInfo }))
    await settle()
    const client = net.connect(port, '127.0.0.1')
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
  })
})

test('who waits for a drain is told of its end also after that drain was broken off', async () => {
  await listen()
  const client = await connect()
  managed.drain(handoff)
  let isDrained = false
  void managed.drained().then(() => (isDrained = true))
  await managed.takeBack(() => undefined)
  server.close()
  await end(client)
  expect([managed.state, isDrained]).toEqual(['terminate', true])
})
