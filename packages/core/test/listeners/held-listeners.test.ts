// Proves which passed socket a listen gets, and that it accepts only when it is told to.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import type { ListenTarget } from '../../src/listeners/address.js'
import { deferAccept, HeldListeners } from '../../src/listeners/held-listeners.js'
import type { PassedListener, PassedUdpSocket } from '../../src/listeners/passed-listener.js'
import { rawListenerOf } from '../../src/node/internals/listening-handle.js'

const held = (asked: string, port: number, address = '::'): PassedListener => ({
  asked,
  bound: { address, family: net.isIPv6(address) ? 'IPv6' : 'IPv4', port },
  handle: { listen: () => 0, close: () => undefined },
})
const tcp = (port: number, host?: string): ListenTarget => ({
  kind: 'tcp',
  port,
  ...(host !== undefined && { host }),
  ipv6Only: false,
})

describe('claiming', () => {
  test('goes by the words that the predecessor used', () => {
    const [byName, byAddress] = [held('tcp:localhost:80', 80, '::1'), held('tcp:::1:80', 80, '::1')]
    const listeners = new HeldListeners([byName, byAddress])
    expect(listeners.claim(tcp(80, '::1'))).toBe(byAddress)
    expect(listeners.claim(tcp(80, 'localhost'))).toBe(byName)
  })

  test('goes by where it is bound when the words differ', () => {
    const first = held('tcp:localhost:80', 80, '127.0.0.1')
    expect(new HeldListeners([first]).claim(tcp(80, '127.0.0.1'))).toBe(first)
  })

  test('gives port 0, asked for twice, in the order of the predecessor', () => {
    const [first, second] = [held('tcp::0', 40_001), held('tcp::0', 40_002)]
    const listeners = new HeldListeners([first, second])
    expect([listeners.claim(tcp(0)), listeners.claim(tcp(0)), listeners.claim(tcp(0))]).toEqual([
      first,
      second,
      undefined,
    ])
  })

  test('gives a socket of port 0 to who now names its port', () => {
    const first = held('tcp::0', 40_001)
    expect(new HeldListeners([first]).claim(tcp(40_001))).toBe(first)
  })

  test('gives a file descriptor by its number', () => {
    const first = held('fd:3', 80)
    const listeners = new HeldListeners([first])
    expect(listeners.claim({ kind: 'fd', fd: 4 })).toBe(undefined)
    expect(listeners.claim({ kind: 'fd', fd: 3 })).toBe(first)
  })

  test('gives each socket once, and nothing for what nobody held', () => {
    const listeners = new HeldListeners([held('tcp::80', 80)])
    expect(listeners.claim(tcp(81))).toBe(undefined)
    expect(listeners.claim({ kind: 'other' })).toBe(undefined)
    expect(listeners.claim(tcp(80))).toBeDefined()
    expect(listeners.claim(tcp(80))).toBe(undefined)
  })

  test('leaves what is not claimed', () => {
    const [first, second] = [held('tcp::80', 80), held('tcp::81', 81)]
    const listeners = new HeldListeners([first, second])
    listeners.claim(tcp(80))
    expect(listeners.unclaimed).toEqual([second])
    expect(listeners.hasPort(81)).toBe(true)
    expect(listeners.hasPort(80)).toBe(false)
    expect(listeners.hasPort(0)).toBe(false)
  })
})

test('what is given up is closed, and claimed by nobody any more', () => {
  let closed = 0
  const handle = { listen: () => 0, close: () => (closed += 1) }
  const listeners = new HeldListeners([
    { ...held('fd:3', 80), handle },
    { asked: 'fd:4', bound: { path: '/run/of-systemd.sock', identity: '' }, handle },
  ])
  listeners.giveUp()
  expect(closed).toBe(2)
  expect(listeners.claim({ kind: 'fd', fd: 3 })).toBe(undefined)
  expect(listeners.unclaimed).toEqual([])
  expect(listeners.hasPort(80)).toBe(false)
})

test('a path that is not ours is claimed whatever it leads to from here', () => {
  const bound = { path: '/not/to/be/seen/from/here', identity: '' }
  const [first] = [{ ...held('fd:3', 0), bound }]
  expect(new HeldListeners([first]).claim({ kind: 'path', path: bound.path })).toBe(first)
})

describe('a deferred accept', () => {
  class Handle {
    readonly backlogs: number[] = []
    listen(backlog: number): number {
      this.backlogs.push(backlog)
      return backlog > 0 ? 0 : -22
    }
  }

  test('calls the kernel only when it is told to, with the backlog of the application', () => {
    const handle = new Handle()
    const accept = deferAccept(handle as never)
    expect(handle.listen(16)).toBe(0)
    expect(handle.backlogs).toEqual([])
    expect(accept()).toBe(0)
    expect(handle.backlogs).toEqual([16])
    expect(Object.hasOwn(handle, 'listen')).toBe(false)
  })

  test('answers the error of the kernel', () => {
    const handle = new Handle()
    const accept = deferAccept(handle as never)
    handle.listen(-1)
    expect(accept()).toBe(-22)
  })

  test('of a real socket gives a server its address and event at once', async () => {
    const bound = net.createServer().listen(0, '127.0.0.1')
    await once(bound, 'listening')
    const accept = deferAccept(rawListenerOf(bound)!)
    const server = http.createServer().listen(rawListenerOf(bound)!)
    expect(server.address()).toEqual(bound.address())
    await once(server, 'listening')
    expect(accept()).toBe(0)
    server.close()
    await once(server, 'close')
  })
})

describe('a UDP socket', () => {
  const udp = (address: string, port: number): PassedUdpSocket => ({
    asked: `udp:${address}:${String(port)}`,
    bound: { transport: 'udp', address, family: 'IPv6', port },
    handle: { recvStart: () => 0, recvStop: () => 0, close: vi.fn() },
  })

  test('is no TCP socket at the same address', () => {
    const [listener, socket] = [held('tcp::53', 53), udp('::', 53)]
    const listeners = new HeldListeners([listener], [socket])
    expect(listeners.claim(tcp(53))).toBe(listener)
    expect(listeners.claim(tcp(53))).toBe(undefined)
    expect(listeners.hasPort(53)).toBe(false)
    expect(listeners.unclaimed).toEqual([socket])
    expect(listeners.claimUdp({ ...socket.bound, address: '::1' })).toBe(undefined)
    expect(listeners.claimUdp({ ...socket.bound, address: '0:0::0' })).toBe(socket)
    expect(listeners.claimUdp(socket.bound)).toBe(undefined)
  })

  test('is closed when it is given up', () => {
    const socket = udp('::', 53)
    const listeners = new HeldListeners([], [socket])
    listeners.giveUp()
    expect(socket.handle.close).toHaveBeenCalledOnce()
    expect([listeners.unclaimed, listeners.claimUdp(socket.bound)]).toEqual([[], undefined])
  })
})
