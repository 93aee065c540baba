// Proves that limits which are set hold, and that those which are not leave the server as Node made it.
import { EventEmitter } from 'node:events'
import http from 'node:http'
import { beforeEach, describe, expect, test } from 'vitest'
import { applyLimits } from '../../src/connections/limits.js'
import { FakeSystem } from '../fake-system.js'

let system: FakeSystem
let server: http.Server

beforeEach(() => {
  system = new FakeSystem()
  server = http.createServer()
})

const internals = (): { maxHeaderSize?: number; connectionsCheckingInterval: number } =>
  server as unknown as { maxHeaderSize?: number; connectionsCheckingInterval: number }

test('without limits nothing of the server is touched', () => {
  const before = Object.assign({}, server)
  applyLimits(server, {}, system)
  expect(Object.assign({}, server)).toEqual(before)
  expect(server.eventNames()).toEqual(http.createServer().eventNames())
})

describe('readTimeoutMs', () => {
  test('limits the request and its header, and is looked at four times as often', () => {
    applyLimits(server, { readTimeoutMs: 2_000 }, system)
    expect(server.requestTimeout).toBe(2_000)
    expect(server.headersTimeout).toBe(2_000)
    expect(internals().connectionsCheckingInterval).toBe(500)
  })

  test('keeps a header limit and an interval that are shorter already', () => {
    server.headersTimeout = 1_000
    internals().connectionsCheckingInterval = 100
    applyLimits(server, { readTimeoutMs: 2_000 }, system)
    expect(server.headersTimeout).toBe(1_000)
    expect(internals().connectionsCheckingInterval).toBe(100)
  })

  test('sets a header limit where there was none', () => {
    server.headersTimeout = 0
    applyLimits(server, { readTimeoutMs: 2_000 }, system)
    expect(server.headersTimeout).toBe(2_000)
  })

  test('is looked at every 50 ms at most', () => {
    applyLimits(server, { readTimeoutMs: 1 }, system)
    expect(internals().connectionsCheckingInterval).toBe(50)
  })

  test('of 0 means no limit, as in Node', () => {
    const { headersTimeout } = server
    applyLimits(server, { readTimeoutMs: 0 }, system)
    expect(server.requestTimeout).toBe(0)
    expect(server.headersTimeout).toBe(headersTimeout)
  })
})

test('maxHeaderBytes is where Node looks for it at each connection', () => {
  applyLimits(server, { maxHeaderBytes: 1_024 }, system)
  expect(internals().maxHeaderSize).toBe(1_024)
})

describe('writeTimeoutMs', () => {
  /** A request that reaches the server, without a connection. */
  function arrive(event: 'request' | 'checkContinue' | 'checkExpectation'): {
    response: EventEmitter
    destroyed: () => boolean
  } {
    let destroyed = false
    const response = new EventEmitter()
    server.emit(event, { socket: { destroy: () => (destroyed = true) } }, response)
    return { response, destroyed: () => destroyed }
  }

  test.each(['request', 'checkContinue', 'checkExpectation'] as const)(
    'ends the connection of a response that takes longer (%s)',
    async (event) => {
      applyLimits(server, { writeTimeoutMs: 1_000 }, system)
      server.on(event, () => undefined)
      const { destroyed } = arrive(event)
      await system.advance(999)
      expect(destroyed()).toBe(false)
      await system.advance(1)
      expect(destroyed()).toBe(true)
    },
  )

  test('joins listeners that are there already, and leaves Expect to Node where there are none', () => {
    server.on('checkContinue', () => undefined)
    applyLimits(server, { writeTimeoutMs: 1_000 }, system)
    expect(server.listenerCount('checkContinue')).toBe(2)
    expect(server.listenerCount('checkExpectation')).toBe(0)
  })

  test('is over with the response', () => {
    applyLimits(server, { writeTimeoutMs: 1_000 }, system)
    arrive('request').response.emit('close')
    expect(system.pendingMs).toEqual([])
  })

  test('counts from before the handler, which may block', () => {
    let armedFirst = false
    server.on('request', () => (armedFirst = system.pendingMs.length === 1))
    applyLimits(server, { writeTimeoutMs: 1_000 }, system)
    arrive('request')
    expect(armedFirst).toBe(true)
  })

  test('of 0 means no limit', () => {
    applyLimits(server, { writeTimeoutMs: 0 }, system)
    arrive('request')
    expect(system.pendingMs).toEqual([])
  })
})
