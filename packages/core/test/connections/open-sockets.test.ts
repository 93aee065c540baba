// Proves that a set of open sockets holds none for ever, even if the application removes our listeners.
import net from 'node:net'
import { expect, test } from 'vitest'
import { OpenSockets } from '../../src/connections/open-sockets.js'

test('destroyed sockets without listeners do not pile up, also if nobody reads the set', () => {
  const sockets = new OpenSockets()
  const added = Array.from({ length: 1_000 }, () => {
    const socket = createOpen()
    sockets.add(socket)
    socket.removeAllListeners()
    socket.destroy()
    return socket
  })
  // Not by `has` or `all`, which look whether a socket is destroyed.
  for (const socket of added) Object.defineProperty(socket, 'destroyed', { value: false })
  expect(sockets.all.size).toBeLessThanOrEqual(64)
})

test('open ones stay, and are looked through less often the more there are', () => {
  const sockets = new OpenSockets()
  let looks = 0
  const added = Array.from({ length: 1_000 }, () => {
    const socket = createOpen()
    Object.defineProperty(socket, 'destroyed', { get: () => (looks++, false) })
    sockets.add(socket)
    return socket
  })
  expect(looks).toBeLessThan(3 * added.length)
  expect([...sockets.all]).toEqual(added)
})

test('what was given to a child is not open here, though its socket is never destroyed', () => {
  const sockets = new OpenSockets()
  const [kept, given] = [createOpen(), createOpen()]
  sockets.add(kept)
  sockets.add(given)
  ;(given as unknown as { _handle: null })._handle = null
  expect([sockets.has(given), [...sockets.all]]).toEqual([false, [kept]])
})

function createOpen(): net.Socket {
  const socket = new net.Socket()
  Object.defineProperty(socket, '_handle', { value: { close: () => undefined }, writable: true })
  return socket
}
