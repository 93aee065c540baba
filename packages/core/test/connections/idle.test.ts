// Proves which connections of a real server are idle: those whose parser is between two messages.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findIdle } from '../../src/connections/idle.js'
import { OpenConnections } from '../../src/connections/open-connections.js'

let server: http.Server
let connections: OpenConnections
let arrived: { request: http.IncomingMessage; response: http.ServerResponse }[]
const clients: net.Socket[] = []

beforeEach(async () => {
  arrived = []
  server = http.createServer((request, response) => void arrived.push({ request, response }))
  connections = new OpenConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  server.close()
  server.closeAllConnections()
  for (const socket of connections.accepted) socket.destroy()
  await once(server, 'close')
})

/** Connects, and answers both ends once the server has read what was sent. */
async function connect(text: string): Promise<{ client: net.Socket; socket: net.Socket }> {
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  clients.push(client)
  const [socket] = await accepted
  await send(client, socket, text)
  return { client, socket }
}

async function send(client: net.Socket, socket: net.Socket, text: string): Promise<void> {
  const goal = socket.bytesRead + text.length
  client.write(text)
  while (socket.bytesRead < goal) await new Promise((resolve) => setImmediate(resolve))
}

/** Answers the oldest request, and waits until its response has left. */
async function answer(): Promise<void> {
  const { response } = arrived.shift()!
  response.end('done')
  await once(response, 'close')
}

const isIdle = (socket: net.Socket): boolean => findIdle(server, connections.speaking).has(socket)
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n'

test('a connection without a byte is idle', async () => {
  const { socket } = await connect('')
  expect(isIdle(socket)).toBe(true)
})

test('half a header is not idle', async () => {
  const { socket } = await connect('GET / HT')
  expect(isIdle(socket)).toBe(false)
})

test('an unanswered request is not idle, and is once it has been answered', async () => {
  const { socket } = await connect(get)
  expect(isIdle(socket)).toBe(false)
  await answer()
  expect(isIdle(socket)).toBe(true)
})

test('half a pipelined header behind an answered request is not idle', async () => {
  const { socket } = await connect(`${get}GET /second HT`)
  await answer()
  expect(isIdle(socket)).toBe(false)
})

test('a pipelined request that waits for its turn is not idle', async () => {
  const { socket } = await connect(get + get)
  await answer()
  expect(isIdle(socket)).toBe(false)
  await answer()
  expect(isIdle(socket)).toBe(true)
})

test('a request that was answered before its body had come is idle when the body has', async () => {
  const { client, socket } = await connect(post)
  const { request } = arrived[0]!
  await answer()
  expect(isIdle(socket)).toBe(false)
  await send(client, socket, 'body')
  if (!request.readableEnded) await once(request.resume(), 'end')
  expect(isIdle(socket)).toBe(true)
})

test('a destroyed connection is not idle', async () => {
  const { socket } = await connect('')
  socket.destroy()
  expect(isIdle(socket)).toBe(false)
})

test('looking closes nothing, and leaves destroy as it was, for every socket', async () => {
  const prototype = Object.getOwnPropertyDescriptor(net.Socket.prototype, 'destroy')
  const { socket } = await connect(get)
  await answer()
  const own = socket.destroy.bind(socket)
  let destroyed = 0
  socket.destroy = (error) => {
    destroyed++
    return own(error)
  }
  const wrapper = socket.destroy
  expect(isIdle(socket)).toBe(true)
  expect(isIdle(socket)).toBe(true)
  expect(destroyed).toBe(0)
  expect(socket.destroy).toBe(wrapper)
  expect(Object.getOwnPropertyDescriptor(net.Socket.prototype, 'destroy')).toEqual(prototype)
  expect(socket.destroyed).toBe(false)
})

test('an upgraded connection is not idle, but upgraded', async () => {
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
  })
  const { socket } = await connect(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
  )
  expect(isIdle(socket)).toBe(false)
  expect(connections.upgraded).toEqual([socket])
})

test('a connection that the application has taken over from a response is not idle, but upgraded', async () => {
  const { client, socket } = await connect(get)
  const { response } = arrived[0]!
  response.detachSocket(socket)
  expect(isIdle(socket)).toBe(false)
  expect(connections.upgraded).toEqual([socket])
  await send(client, socket, '\r\n')
  expect(isIdle(socket)).toBe(false)
})

test.each([
  [
    'has not read all of its request',
    (request: http.IncomingMessage) => request.once('readable', () => void request.read(1)),
  ],
  ['has read none of it', () => undefined],
])(
  'one that has been answered by an application that %s is idle, and not upgraded',
  async (_, use) => {
    const { client, socket } = await connect(post)
    use(arrived[0]!.request)
    await send(client, socket, 'body')
    await answer()
    expect(isIdle(socket)).toBe(true)
    expect(connections.upgraded).toEqual([])
  },
)

test('a closed connection whose listeners the application has removed is neither counted nor kept', async () => {
  server.on('upgrade', (_request, socket: net.Socket) => {
    socket.removeAllListeners()
    socket.destroy()
  })
  const { socket } = await connect(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
  )
  expect(socket.destroyed).toBe(true)
  expect([connections.has(socket), connections.accepted.size, connections.upgraded]).toEqual([
    false,
    0,
    [],
  ])
})

test('connections are forgotten when they close', async () => {
  const { client, socket } = await connect(get)
  expect([...connections.accepted]).toEqual([socket])
  const closed = once(socket, 'close')
  client.destroy()
  await closed
  expect(connections.accepted.size).toBe(0)
})
