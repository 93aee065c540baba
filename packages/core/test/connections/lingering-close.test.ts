// Proves that a connection is closed in two steps after its last response: our side at once, all of it when its client
// has closed, or when it has had its time.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lingerAtEnd } from '../../src/connections/lingering-close.js'
import { FakeSystem, settle } from '../fake-system.js'

let system: FakeSystem
let server: http.Server
let socket: net.Socket
let client: net.Socket

beforeEach(async () => {
  system = new FakeSystem()
  server = http.createServer((_request, response) => {
    response.writeHead(200, { Connection: 'close' }).end('done')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  const { port } = server.address() as net.AddressInfo
  client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  ;[socket] = await accepted
  lingerAtEnd(socket, system)
})

afterEach(async () => {
  client.destroy()
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
})

/** Sends a request; resolves when the server has ended its side. */
async function ask(text: string): Promise<void> {
  client.write(text)
  client.resume()
  await once(client, 'end')
}

async function send(text: string): Promise<void> {
  const goal = socket.bytesRead + text.length
  client.write(text)
  while (socket.bytesRead < goal) await settle(1)
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

test('it is closed when the client has closed', async () => {
  await ask(get)
  expect(socket.destroyed).toBe(false)
  const closed = once(socket, 'close')
  client.end()
  await closed
  expect(system.pendingMs).toEqual([])
})

test('or two seconds later, whatever the client still sends', async () => {
  await ask(get)
  await system.advance(1_999)
  await send(get)
  expect(socket.destroyed).toBe(false)
  await system.advance(1)
  expect(socket.destroyed).toBe(true)
})

test('while a body is still coming it stays', async () => {
  await ask('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nbo')
  for (const part of ['dy', 'bo']) {
    await send(part)
    await system.advance(2_000)
    expect(socket.destroyed).toBe(false)
  }
  await system.advance(2_000)
  expect(socket.destroyed).toBe(true)
})
