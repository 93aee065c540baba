// Proves when a UDP socket that was passed to the process is read, and that the program notices nothing else.
import { AsyncLocalStorage } from 'node:async_hooks'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import type { UdpAddress } from '../../src/listeners/address.js'
import { UdpSocket, type UdpSocketHost } from '../../src/listeners/udp-socket.js'
import { udpHandleOf } from '../../src/node/internals/udp-handle.js'

const sockets: dgram.Socket[] = []
afterEach(async () => {
  await Promise.all(
    sockets.splice(0).map((socket) => {
      const closed = once(socket, 'close')
      socket.close()
      return closed
    }),
  )
})

function create(options: dgram.SocketOptions = { type: 'udp4' }): dgram.Socket {
  const socket = dgram.createSocket(options)
  sockets.push(socket)
  return socket
}

/** The socket of a predecessor that has given way, and where it is bound. */
async function createPassed(type: 'udp4' | 'udp6' = 'udp4') {
  const socket = dgram.createSocket(type)
  socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1')
  await once(socket, 'listening')
  const handle = udpHandleOf(socket)!
  handle.recvStop()
  return { socket, handle, bound: { transport: 'udp', ...socket.address() } satisfies UdpAddress }
}

type Passed = Awaited<ReturnType<typeof createPassed>>

function createHost(passed?: Passed, mayAccept = false) {
  const reported: (string | null)[] = []
  const host: UdpSocketHost = {
    arriving: undefined,
    mayAccept,
    claimUdp: ({ port }) =>
      passed?.bound.port === port
        ? { asked: '', bound: passed.bound, handle: passed.handle }
        : undefined,
    udpBound: ({ bound }) => void reported.push(bound),
    udpClosed: () => void reported.push('closed'),
  }
  return { host, reported }
}

async function bind(socket: dgram.Socket, { port, address }: UdpAddress): Promise<void> {
  socket.bind(port, address)
  await once(socket, 'listening')
}

async function send(text: string, { port, address, family }: UdpAddress): Promise<dgram.Socket> {
  const client = create({ type: family === 'IPv4' ? 'udp4' : 'udp6' })
  await new Promise((resolve) => client.send(text, port, address, resolve))
  return client
}

test.each(['udp4', 'udp6'] as const)(
  '%s: what comes waits until the process takes over, and is answered on the same socket',
  async (type) => {
    const passed = await createPassed(type)
    const socket = create({ type })
    const { host, reported } = createHost(passed)
    const udp = new UdpSocket(socket, host)
    await bind(socket, passed.bound)
    expect(socket.address()).toMatchObject({ port: passed.bound.port })
    const text = type === 'udp4' ? '127.0.0.1' : '[::1]'
    expect(reported).toEqual([`udp:${text}:${String(passed.bound.port)}`])
    const read: string[] = []
    socket.on('message', (message, { port, address }) => {
      read.push(message.toString())
      socket.send('answer', port, address)
    })
    const client = await send('waits', passed.bound)
    await new Promise(setImmediate)
    expect(read).toEqual([])
    const answered = once(client, 'message')
    udp.read()
    const [answer, from] = (await answered) as [Buffer, dgram.RemoteInfo]
    expect([answer.toString(), from.port]).toEqual(['answer', passed.bound.port])
    expect(read).toEqual(['waits'])
  },
)

test('a process that may accept reads at once', async () => {
  const passed = await createPassed()
  const socket = create()
  new UdpSocket(socket, createHost(passed, true).host)
  await bind(socket, passed.bound)
  const message = once(socket, 'message')
  await send('at once', passed.bound)
  expect(String((await message)[0])).toBe('at once')
})

test('it stops reading, can still send, and reads what has waited when it reads again', async () => {
  const socket = create()
  const udp = new UdpSocket(socket, createHost().host)
  const { bound } = await createPassed().then(({ socket: other, bound }) => {
    other.close()
    return { bound }
  })
  await bind(socket, bound)
  const { handle } = udp.passable!
  expect(handle).toBe(udpHandleOf(socket))
  udp.stop()
  const read: string[] = []
  socket.on('message', (message) => read.push(message.toString()))
  const client = await send('later', bound)
  const heard = once(client, 'message')
  socket.send('an answer', client.address().port, '127.0.0.1')
  await heard
  expect([read, udp.hasStopped]).toEqual([[], true])
  const message = once(socket, 'message')
  udp.again()
  await message
  expect([read, udp.hasStopped]).toEqual([['later'], false])
})

test("what nobody has passed is bound by Node, and Node's error is the program's", async () => {
  const { socket: other, bound } = await createPassed()
  sockets.push(other)
  const socket = create()
  const { host, reported } = createHost()
  const udp = new UdpSocket(socket, host)
  socket.bind(bound.port, bound.address)
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', port: bound.port })
  expect([reported, udp.passable]).toEqual([[], undefined])
})

test('a closed socket is not passed on', async () => {
  const passed = await createPassed()
  const socket = dgram.createSocket('udp4')
  const { host, reported } = createHost(passed)
  const udp = new UdpSocket(socket, host)
  await bind(socket, passed.bound)
  expect(udp.passable).toMatchObject({ bound: passed.bound })
  const closed = once(socket, 'close')
  socket.close()
  await closed
  udp.read()
  expect([udp.passable, reported.at(-1)]).toEqual([undefined, 'closed'])
})

test('a bind waits for what is inherited', async () => {
  const passed = await createPassed()
  const socket = create()
  let arrive = (): void => undefined
  const arriving = new Promise<void>((resolve) => (arrive = resolve))
  const { host, reported } = createHost(passed)
  new UdpSocket(socket, { ...host, arriving })
  const listening = bind(socket, passed.bound)
  await new Promise(setImmediate)
  expect(reported).toEqual([])
  expect(() => socket.bind(0)).toThrow('already bound')
  arrive()
  await listening
  expect(reported).toHaveLength(1)
})

test('a membership, a peer, and a socket that holds no process are as they were asked for', async () => {
  const passed = await createPassed()
  const peer = create()
  peer.bind(0, '127.0.0.1')
  await once(peer, 'listening')
  const ask = async (socket: dgram.Socket) => {
    socket.addMembership('239.0.0.77', '127.0.0.1')
    socket.addSourceSpecificMembership('127.0.0.1', '232.0.0.77', '127.0.0.1')
    socket.connect(peer.address().port, '127.0.0.1')
    await once(socket, 'connect')
  }
  await ask(passed.socket)
  const socket = create().unref()
  const udp = new UdpSocket(socket, createHost(passed).host)
  await bind(socket, passed.bound)
  await ask(socket)
  expect((udp.passable!.handle as unknown as { hasRef(): boolean }).hasRef()).toBe(false)
  expect(() => {
    socket.addMembership('127.0.0.1')
  }).toThrow('EINVAL')
  expect(() => {
    socket.addSourceSpecificMembership('127.0.0.1', '232.0.0.77', '192.0.2.1')
  }).toThrow()
  socket.disconnect()
  expect(() => socket.remoteAddress()).toThrow()
})

test('another peer is refused, as the socket is connected already', async () => {
  const passed = await createPassed()
  passed.socket.connect(9, '127.0.0.1')
  await once(passed.socket, 'connect')
  const socket = create()
  new UdpSocket(socket, createHost(passed).host)
  await bind(socket, passed.bound)
  socket.connect(10, '127.0.0.1')
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('EISCONN')
})

test('datagrams arrive in the context of `bind`', async () => {
  const passed = await createPassed()
  const socket = create()
  const context = new AsyncLocalStorage<string>()
  await context.run('of the program', async () => {
    const udp = new UdpSocket(socket, createHost(passed).host)
    await bind(socket, passed.bound)
    udp.read()
  })
  const seen = new Promise((resolve) => socket.on('message', () => resolve(context.getStore())))
  await send('?', passed.bound)
  expect(await seen).toBe('of the program')
})
