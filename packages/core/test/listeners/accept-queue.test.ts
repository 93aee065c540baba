// Proves that the queue of a listening socket is emptied before the socket closes, and that neither
// clients that keep coming nor the hammer have to wait for that.
import { once } from 'node:events'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { AcceptQueue } from '../../src/listeners/accept-queue.js'
import { rawListenerOf } from '../../src/node/internals/listening-handle.js'
import type { RawListener } from '../../src/node/internals/raw-handle.js'

/** A handle that accepts a connection in each turn of the loop, for so many turns. */
class BusyHandle {
  accepted = 0
  isClosed = false
  readonly #turns: number

  constructor(turns: number) {
    this.#turns = turns
    const turn = (): void => {
      if (this.isClosed || this.accepted >= this.#turns) return
      this.onconnection()
      setImmediate(turn)
    }
    setImmediate(turn)
  }

  onconnection(): void {
    this.accepted++
  }

  close(): void {
    this.isClosed = true
  }

  /** Empties its queue; resolves when it has closed. */
  empty(limit: number): Promise<void> {
    return new Promise((resolve) => {
      new AcceptQueue(this as unknown as RawListener, limit, resolve)
      this.close() // as net.Server#close, which comes next
    })
  }
}

test('the socket stays open as long as a turn of the loop accepts something', async () => {
  const handle = new BusyHandle(20)
  await handle.empty(512)
  expect([handle.accepted, handle.isClosed]).toEqual([20, true])
})

test('clients that keep coming get no more turns than may have waited', async () => {
  const handle = new BusyHandle(Infinity)
  await handle.empty(9)
  expect([handle.accepted, handle.isClosed]).toEqual([9, true])
})

test('a real server has accepted what waited when it closes, and leaves its handle as it was', async () => {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const handle = rawListenerOf(server)!
  const before = Object.getOwnPropertyNames(handle)
  const accepted: net.Socket[] = []
  server.on('connection', (socket) => accepted.push(socket))
  const clients = Array.from({ length: 30 }, () =>
    net.connect((server.address() as net.AddressInfo).port, '127.0.0.1'),
  )
  onTestFinished(() => {
    for (const socket of [...clients, ...accepted]) socket.destroy()
  })
  await once(clients.at(-1)!, 'connect')
  await new Promise<void>((resolve) => {
    new AcceptQueue(handle, 512, resolve)
    server.close()
    expect(server.listening).toBe(false)
  })
  expect(accepted).toHaveLength(30)
  expect(Object.getOwnPropertyNames(handle)).toEqual(before)
})

test('it can be closed at once, and closes once', async () => {
  const handle = new BusyHandle(Infinity)
  let closed = 0
  const queue = new AcceptQueue(handle as unknown as RawListener, 512, () => closed++)
  queue.close()
  queue.close()
  await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))
  expect([handle.isClosed, closed]).toEqual([true, 1])
})
