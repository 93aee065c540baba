// Proves that every open connection of a server is counted once, as what it is at that moment.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { countConnections } from '../../src/connections/count.js'
import { OpenConnections } from '../../src/connections/open-connections.js'

const none = { open: 0, idle: 0, busy: 0, upgraded: 0, http2: 0, handshaking: 0 }
const certificates = new URL('../../../../test/fixtures/certificates/', import.meta.url)
const certificate = {
  cert: readFileSync(new URL('chain.crt', certificates)),
  key: readFileSync(new URL('localhost.key', certificates)),
}

async function listen(server: net.Server) {
  const connections = new OpenConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of connections.accepted) socket.destroy()
    server.close()
  })
  const { port } = server.address() as net.AddressInfo
  return { port, count: () => countConnections(connections) }
}

async function connect(server: net.Server, port: number): Promise<net.Socket> {
  const accepted = once(server, 'connection')
  const client = net.connect(port, '127.0.0.1')
  client.on('error', () => undefined) // the server destroys it at the end
  onTestFinished(() => void client.destroy())
  await accepted
  return client
}

test('HTTP/1: fresh, idle, busy, upgraded', async () => {
  const server = http.createServer((request, response) => {
    if (request.url === '/answer') response.end()
  })
  server.on('upgrade', (_request, socket: net.Socket) => socket.write('HTTP/1.1 101 Hi\r\n\r\n'))
  const { port, count } = await listen(server)
  expect(count()).toEqual({ connections: none, requests: 0 })

  await connect(server, port)
  const idle = await connect(server, port)
  idle.write('GET /answer HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(idle, 'data')
  const busy = await connect(server, port)
  busy.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(server, 'request')
  const half = await connect(server, port)
  half.write('GET /half HTTP/1.1\r\n')
  const upgraded = await connect(server, port)
  upgraded.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n')
  await once(upgraded, 'data')
  expect(count()).toEqual({
    connections: { ...none, open: 5, idle: 2, busy: 2, upgraded: 1 },
    requests: 1,
  })
})

test('TLS: a handshake that has not ended', async () => {
  const server = https.createServer(certificate)
  const { port, count } = await listen(server)
  await connect(server, port)
  expect(count()).toEqual({ connections: { ...none, open: 1, handshaking: 1 }, requests: 0 })
})

test('HTTP/2: sessions, and each open stream is a request', async () => {
  const server = http2.createServer()
  const { port, count } = await listen(server)
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('error', () => undefined)
  onTestFinished(() => {
    session.destroy()
  })
  for (const path of ['/a', '/b']) {
    const asked = once(server, 'stream')
    session.request({ ':path': path }).on('error', () => undefined)
    await asked
  }
  expect(count()).toEqual({ connections: { ...none, open: 1, http2: 1 }, requests: 2 })
})

test('a raw server: all are the application’s', async () => {
  const server = net.createServer()
  const { port, count } = await listen(server)
  await connect(server, port)
  expect(count()).toEqual({ connections: { ...none, open: 1, upgraded: 1 }, requests: 0 })
})

test('HTTP/2: a session that an earlier listener of the application refuses counts as none', async () => {
  const server = http2.createServer()
  server.on('session', (session) => {
    session.destroy()
  })
  const { port, count } = await listen(server)
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  const client = http2.connect(`http://127.0.0.1:${String(port)}`)
  client.on('error', () => undefined) // the server destroys it
  const [socket] = await accepted
  if (!socket.closed) await once(socket, 'close')
  expect(count()).toEqual({ connections: none, requests: 0 })
})
