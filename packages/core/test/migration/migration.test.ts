// Proves how many open connections move at a time, on those of a real server.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PeerGone } from '../../src/line/peer-gone.js'
import { rawHandleOf } from '../../src/node/internals/connection-handle.js'
import { Migration } from '../../src/migration/migration.js'
import { FakeSystem, settle } from '../fake-system.js'

const bound = '127.0.0.1:80'
const facts = () => ({ bound, isFresh: true, keepAliveTimeoutMs: 0 })
const onReturned = () => undefined

let system: FakeSystem
let server: http.Server
let sockets: net.Socket[]
let migration: Migration
/** The ids of those that were sent. */
let sent: number[]
/** The indexes of those that were sent. */
let moved: number[]
const clients: net.Socket[] = []

beforeEach(async () => {
  system = new FakeSystem()
  sockets = []
  sent = []
  moved = []
  server = http.createServer()
  server.on('connection', (socket) => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  while (sockets.length < 40) {
    const accepted = once(server, 'connection')
    clients.push(net.connect((server.address() as net.AddressInfo).port, '127.0.0.1'))
    await accepted
  }
  migration = new Migration(system, new Set([bound]), ({ id }, handle) => {
    sent.push(id)
    moved.push(sockets.findIndex((socket) => rawHandleOf(socket) === handle))
    return Promise.resolve()
  })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  for (const socket of sockets) socket.destroy()
  server.close()
  await once(server, 'close')
})

async function offerAll(): Promise<void> {
  for (const socket of sockets) migration.offer(socket, { facts, onReturned })
  await settle()
}

test('as a drain begins, one moves at a time: clients may be at it for all that is known', async () => {
  await offerAll()
  expect(sent).toEqual([1])
  migration.adopted(1)
  expect(sent).toEqual([1, 2])
})

test('none moves before all have been offered, which may take longer than its acknowledgement', async () => {
  for (const socket of sockets) migration.offer(socket, { facts, onReturned })
  expect(sent).toEqual([])
  await settle()
  expect(sent).toEqual([1])
})

test('after one in use the next waits eight times as long as its acknowledgement took', async () => {
  await offerAll()
  await system.advance(10)
  migration.adopted(1)
  await system.advance(79)
  expect(sent).toEqual([1])
  await system.advance(1)
  expect(sent).toEqual([1, 2])
})

test('but for a tenth of a second at most', async () => {
  await offerAll()
  await system.advance(20)
  migration.adopted(1)
  await system.advance(99)
  expect(sent).toEqual([1])
  await system.advance(1)
  expect(sent).toEqual([1, 2])
})

/** Sends a request from each client of some sockets, and waits for the answers. */
async function use(used: net.Socket[]): Promise<void> {
  for (const { remotePort } of used) {
    const client = clients.find(({ localPort }) => localPort === remotePort)!
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(client, 'data')
  }
}

test('those that are used meanwhile go first and with a rest, and the others beside, one at a time', async () => {
  server.on('request', (_request, response: http.ServerResponse) => response.end('done'))
  await offerAll()
  await use(sockets.slice(1, 3))
  await system.advance(250)
  migration.adopted(1) // after that, those in use rest for 100 ms
  expect(moved).toEqual([0, 3])
  migration.adopted(2)
  expect(moved).toEqual([0, 3, 4])
  await system.advance(100)
  migration.adopted(3)
  expect(moved).toEqual([0, 3, 4, 1])
  migration.adopted(4)
  expect(moved).toEqual([0, 3, 4, 1, 2])
  await system.advance(250)
  migration.adopted(5)
  expect(moved).toHaveLength(37) // nobody uses the others
})

test('those in use rest only until two seconds after the beginning of the drain', async () => {
  server.on('request', (_request, response: http.ServerResponse) => response.end('done'))
  await offerAll()
  await use(sockets.slice(1, 3))
  await system.advance(1_950)
  migration.adopted(1) // to rest for 100 ms
  await system.advance(49)
  migration.adopted(2)
  expect(moved).toEqual([0, 3, 4])
  await system.advance(1)
  migration.adopted(3)
  expect(moved).toEqual([0, 3, 4, 1])
})

test('one that answers when its turn has come is left to the drain if no other can go', async () => {
  const returned = vi.fn()
  const [socket] = sockets as [net.Socket]
  const requested = once(server, 'request')
  migration.offer(sockets[1]!, { facts, onReturned })
  migration.offer(socket, { facts, onReturned: returned })
  clients
    .find(({ localPort }) => localPort === socket.remotePort)!
    .write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await requested
  migration.adopted(1)
  expect([sent, returned.mock.calls.length, migration.has(socket)]).toEqual([[1], 1, false])
})

test('while one is used that is idle again when its turn has come, the others move one at a time', async () => {
  server.on('request', (_request, response: http.ServerResponse) => response.end('done'))
  await offerAll()
  await use([sockets[1]!])
  await system.advance(10)
  migration.adopted(1)
  await system.advance(80) // it moves now, and counts as seen until 340 ms
  await system.advance(110)
  migration.adopted(2)
  await system.advance(100)
  await system.advance(39)
  migration.adopted(3)
  expect(moved).toEqual([0, 1, 2, 3])
  await system.advance(1)
  migration.adopted(4)
  expect(moved).toHaveLength(36)
})

test('when no request has come for a quarter of a second, 32 move at a time', async () => {
  await offerAll()
  await system.advance(250)
  migration.adopted(1)
  expect(sent).toHaveLength(33)
})

test('a fresh connection that comes back is closed in the time that Node gave it, if it stays silent', async () => {
  server.headersTimeout = 50
  server.on('request', (_request, response: http.ServerResponse) => {
    setTimeout(() => response.end('done'), 150)
  })
  const [silent, asking] = sockets as [net.Socket, net.Socket]
  const client = clients.find(({ localPort }) => localPort === asking.remotePort)!
  migration.offer(silent, { facts, onReturned })
  await settle()
  migration.declined(1)
  migration.offer(asking, { facts, onReturned })
  await settle()
  migration.declined(2)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const answered = once(client, 'data') as Promise<[Buffer]>
  await once(silent, 'close')
  const [response] = await answered
  // What limits silence does not cut off a slow answer.
  expect(String(response)).toMatch(/^HTTP\/1\.1 200 /)
})

test.each([
  ['any other reason, and the next one moves', new TypeError('This handle type cannot be sent'), 2],
  ['the successor is gone, which is noticed elsewhere', new PeerGone(), 1],
])('a send that fails for %s', async (_, error, sends) => {
  const returned = vi.fn()
  const failing = new Migration(system, new Set([bound]), ({ id }) => {
    sent.push(id)
    return sent.length === 1 ? Promise.reject(error) : Promise.resolve()
  })
  const [first, second] = sockets as [net.Socket, net.Socket]
  failing.offer(first, { facts, onReturned: returned })
  failing.offer(second, { facts, onReturned })
  await settle()
  expect(sent).toHaveLength(sends)
  const isDeclined = sends === 2
  expect(returned).toHaveBeenCalledTimes(isDeclined ? 1 : 0)
  expect([failing.takes(first, bound), first.isPaused()]).toEqual([!isDeclined, !isDeclined])
})
