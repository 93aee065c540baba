// Proves how WebSockets are told of a restart: all of them, evenly over the window, in no order, and no
// more as soon as the server listens again.
import { EventEmitter } from 'node:events'
import type net from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type ClosableWebSocket, closeWebSockets } from '../src/web-sockets.js'

class FakeWebSocket implements ClosableWebSocket {
  readyState = 1
  readonly closes: [number, string][] = []
  close(...close: [number, string]): void {
    this.readyState = 2
    this.closes.push(close)
  }
}

let server: net.Server
let clients: Set<FakeWebSocket>

beforeEach(() => {
  vi.useFakeTimers()
  server = Object.assign(new EventEmitter(), { listening: false }) as unknown as net.Server
  clients = new Set()
})

afterEach(() => {
  vi.useRealTimers()
})

function add(count: number): FakeWebSocket[] {
  const added = Array.from({ length: count }, () => new FakeWebSocket())
  for (const client of added) clients.add(client)
  return added
}

const closed = (): number => [...clients].filter(({ readyState }) => readyState === 2).length

test('each is closed once, with 1012, and each tenth of the window has its tenth of them', () => {
  add(1_000)
  closeWebSockets({ clients })({ server })
  for (let tenth = 1; tenth <= 10; tenth++) {
    vi.advanceTimersByTime(1_000)
    expect(Math.abs(closed() - tenth * 100)).toBeLessThanOrEqual(1)
  }
  vi.advanceTimersByTime(60_000)
  for (const client of clients) expect(client.closes).toEqual([[1012, 'service restart']])
})

test('they are closed in another order than they came in', () => {
  const order: number[] = []
  for (const [index, client] of add(100).entries()) client.close = () => void order.push(index)
  closeWebSockets({ clients }, { windowMs: 1_000 })({ server })
  vi.advanceTimersByTime(999)
  expect(order).not.toEqual([...order].sort((a, b) => a - b))
})

test('one that opens meanwhile is closed in the next window', () => {
  closeWebSockets({ clients }, { windowMs: 1_000 })({ server })
  const [late] = add(1)
  vi.advanceTimersByTime(999)
  expect(late!.closes).toEqual([])
  vi.advanceTimersByTime(1_001)
  expect(late!.closes).toHaveLength(1)
})

test('one that closes by itself is not closed again', () => {
  const [client] = add(1)
  closeWebSockets({ clients }, { windowMs: 1_000 })({ server })
  client!.readyState = 3
  vi.advanceTimersByTime(3_000)
  expect(client!.closes).toEqual([])
})

test('a second drain event of the same server begins no second window', () => {
  add(10)
  const listener = closeWebSockets({ clients }, { windowMs: 1_000 })
  listener({ server })
  const timers = vi.getTimerCount()
  listener({ server })
  expect(vi.getTimerCount()).toBe(timers)
})

test.each(['listening', 'close'])(
  'after %s nothing is closed any more, and a new drain begins anew',
  (event) => {
    add(100)
    const listener = closeWebSockets({ clients }, { windowMs: 1_000 })
    listener({ server })
    vi.advanceTimersByTime(500)
    const before = closed()
    server.emit(event)
    expect(vi.getTimerCount()).toBe(0)
    expect(server.listenerCount(event)).toBe(0)
    listener({ server })
    vi.advanceTimersByTime(1_000)
    expect(before).toBeLessThan(100)
    expect(closed()).toBe(100)
  },
)

test('of two servers that drain, the one that ends first changes nothing', () => {
  add(100)
  const other = Object.assign(new EventEmitter(), { listening: false }) as unknown as net.Server
  const listener = closeWebSockets({ clients }, { windowMs: 1_000 })
  listener({ server })
  listener({ server: other })
  other.emit('close')
  vi.advanceTimersByTime(1_000)
  expect(closed()).toBe(100)
})

test('a drain that is over by the time it is told of closes nothing', () => {
  add(1)
  closeWebSockets({ clients })({ server: Object.assign(server, { listening: true }) })
  expect(vi.getTimerCount()).toBe(0)
})

test.each([0, -1, NaN, Infinity, '10' as unknown as number])(
  'a window of %s is refused',
  (windowMs) => {
    expect(() => closeWebSockets({ clients }, { windowMs })).toThrow(
      expect.objectContaining({ code: 'ERR_ENDLESS_INVALID_OPTION' }),
    )
  },
)
