// Proves what Go's names add: a server that exists only once its verb has been called, and the texts
// of addresses; what they have in common with endless() is proven there.
import type http from 'node:http'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { HookPhase, HookSignal } from '../src/api/hooks.js'
import * as go from '../src/go.js'
import { Runtime } from '../src/process/runtime.js'
import { FakeSystem } from './fake-system.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

const handler: http.RequestListener = (_request, response) => response.end('done')
const opened: { terminated: Promise<unknown>; server: http.Server }[] = []
let system: FakeSystem

beforeEach(() => {
  system = new FakeSystem()
  ;(globalThis as Record<symbol, unknown>)[Symbol.for('@endless/core:runtime')] = new Runtime(
    system,
    undefined,
  )
})

afterEach(async () => {
  for (const { server, terminated } of opened.splice(0)) {
    server.close()
    await terminated
  }
})

test('the constants are the words of the library', () => {
  expect({ ...go }).toMatchObject({
    PRE_SIGNAL: 'before',
    POST_SIGNAL: 'after',
    STATE_INIT: 'init',
    STATE_RUNNING: 'running',
    STATE_SHUTTING_DOWN: 'shutting-down',
    STATE_TERMINATE: 'terminate',
  })
})

test('the defaults are those of Node, and a hammer after a minute', () => {
  expect(go.defaults).toEqual({
    readTimeoutMs: undefined,
    writeTimeoutMs: undefined,
    maxHeaderBytes: undefined,
    hammerTimeMs: 60_000,
  })
})

test('the defaults hold for a server that is made after they were changed', async () => {
  Object.assign(go.defaults, { readTimeoutMs: 1_234, maxHeaderBytes: 2_048 })
  try {
    const served = await go.listenAndServe('127.0.0.1:0', handler)
    opened.push(served)
    expect(served.server.requestTimeout).toBe(1_234)
  } finally {
    Object.assign(go.defaults, { readTimeoutMs: undefined, maxHeaderBytes: undefined })
  }
})

describe('a new server', () => {
  test('is in its initial state and nowhere', () => {
    const server = go.newServer(':0', handler)
    expect([server.state, server.address]).toEqual(['init', null])
    expect(() => server.server).toThrow(expect.objectContaining({ code: 'ERR_ENDLESS_NOT_BEGUN' }))
  })

  test('shut down before it begins, has nothing to drain', async () => {
    expect(await go.newServer(':0', handler).shutdown()).toEqual({
      reason: 'shutdown',
      durationMs: 0,
      hammered: 0,
    })
  })

  test('settles when it listens, and has then begun', async () => {
    const server = go.newServer('127.0.0.1:0', handler)
    const seen: string[] = []
    server.beforeBegin = async (address) => {
      seen.push(address === server.address && server.server.listening ? 'bound' : 'unbound')
      await Promise.resolve()
      seen.push('begun')
    }
    const served = await server.listenAndServe()
    opened.push(served)
    expect(seen).toEqual(['bound', 'begun'])
    expect([server.server, server.state]).toEqual([served.server, 'running'])
  })

  test('listens once', async () => {
    const server = go.newServer('127.0.0.1:0', handler)
    const served = await server.listenAndServe()
    opened.push(served)
    await expect(server.listenAndServe()).rejects.toMatchObject({
      code: 'ERR_SERVER_ALREADY_LISTEN',
    })
    expect(server.server).toBe(served.server)
  })

  test('keeps the hooks that were registered before it began', async () => {
    const seen: string[] = []
    const server = go.newServer('127.0.0.1:0', handler, {
      hooks: { before: { SIGUSR1: () => void seen.push('option') } },
    })
    server.registerSignalHook('before', 'SIGUSR1', () => void seen.push('early'))
    opened.push(await server.listenAndServe())
    server.registerSignalHook('before', 'SIGUSR1', () => void seen.push('late'))
    await system.signal('SIGUSR1')
    expect([...seen].sort()).toEqual(['early', 'late', 'option'])
  })

  test('terminates with the server that it became', async () => {
    const server = go.newServer('127.0.0.1:0', handler)
    await server.listenAndServe()
    expect(await server.shutdown()).toMatchObject({ reason: 'shutdown' })
    expect(await server.terminated).toMatchObject({ reason: 'shutdown' })
    expect(server.state).toBe('terminate')
  })

  test.each([
    ['phase', 'during', 'SIGHUP'],
    ['signal', 'before', 'SIGKILL'],
  ])('refuses a hook of an unknown %s', (_, phase, signal) => {
    const server = go.newServer(':0', handler)
    expect(() =>
      server.registerSignalHook(phase as HookPhase, signal as HookSignal, () => undefined),
    ).toThrow(expect.objectContaining({ code: 'ERR_ENDLESS_INVALID_HOOK' }))
  })
})

test.each([null, undefined, {}])('without a handler (%s) it is refused', (nothing) => {
  expect(() => go.newServer(':0', nothing as http.RequestListener)).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_INVALID_HANDLER' }),
  )
})

test.each<[string, () => Promise<unknown>, string]>([
  ['a bad address', () => go.listenAndServe('localhost', handler), 'ERR_ENDLESS_INVALID_ADDRESS'],
  [
    'a Unix socket whose path is too long',
    () => go.listenAndServe(`unix:/${'a'.repeat(110)}`, handler),
    'ERR_ENDLESS_INVALID_ADDRESS',
  ],
  ['a Unix socket in no directory', () => go.listenAndServe('unix:/no/a', handler), 'EACCES'],
  [
    'an unknown option',
    () => go.listenAndServe(':0', handler, { port: 1 } as never),
    'ERR_ENDLESS_INVALID_OPTION',
  ],
  [
    'no handler',
    () => go.listenAndServe(':0', undefined as unknown as http.RequestListener),
    'ERR_ENDLESS_INVALID_HANDLER',
  ],
  [
    'a certificate that is missing',
    () => go.listenAndServeTLS(':0', '/nonexistent/a.crt', '/nonexistent/a.key', handler),
    'ERR_ENDLESS_INVALID_CERTIFICATE',
  ],
  ['an address that is not ours', () => go.listenAndServe('192.0.2.1:0', handler), 'EADDRNOTAVAIL'],
])('listening with %s rejects', async (_, listen, code) => {
  await expect(listen()).rejects.toMatchObject({ code })
})
