// Proves what TypeScript knows of Go's names.
import type http from 'node:http'
import type https from 'node:https'
import { expectTypeOf, test } from 'vitest'
import {
  defaults,
  type EndlessServer,
  type HookPhase,
  listenAndServe,
  listenAndServeTLS,
  newServer,
  POST_SIGNAL,
  PRE_SIGNAL,
  type ShutdownReport,
  type State,
  type STATE_INIT,
  type STATE_RUNNING,
  type STATE_SHUTTING_DOWN,
  type STATE_TERMINATE,
} from '../src/index.js'

const handler: http.RequestListener = (request, response) => void response.end()

test('listenAndServe and listenAndServeTLS promise a server of their kind', () => {
  expectTypeOf(listenAndServe(':4242', handler)).toEqualTypeOf<Promise<EndlessServer>>()
  expectTypeOf(listenAndServeTLS(':4242', 'cert.pem', 'key.pem', handler)).toEqualTypeOf<
    Promise<EndlessServer<https.Server>>
  >()
  // @ts-expect-error -- an address is a text, as in Go
  void listenAndServe(4242, handler)
  // @ts-expect-error -- the key is missing
  void listenAndServeTLS(':4242', 'cert.pem', handler)
})

test('newServer has its own verbs in place of listen', () => {
  const server = newServer('localhost:4242', handler, { hammerTimeMs: 1_000 })
  expectTypeOf(server.listenAndServe()).toEqualTypeOf<Promise<EndlessServer>>()
  expectTypeOf(server.listenAndServeTLS('cert.pem', 'key.pem')).toEqualTypeOf<
    Promise<EndlessServer<https.Server>>
  >()
  expectTypeOf(server.server).toEqualTypeOf<http.Server | https.Server>()
  expectTypeOf(server.terminated).toEqualTypeOf<Promise<ShutdownReport>>()
  server.beforeBegin = (address) => void expectTypeOf(address).toEqualTypeOf<string>()
  const chained = server
    .registerSignalHook(PRE_SIGNAL, 'SIGHUP', () => undefined)
    .registerSignalHook(POST_SIGNAL, 'SIGHUP', () => undefined)
  expectTypeOf(chained).toEqualTypeOf(server)
  expectTypeOf(server).not.toHaveProperty('listen')
})

test('the constants are literals of their unions', () => {
  expectTypeOf<typeof PRE_SIGNAL | typeof POST_SIGNAL>().toEqualTypeOf<HookPhase>()
  expectTypeOf<
    typeof STATE_INIT | typeof STATE_RUNNING | typeof STATE_SHUTTING_DOWN | typeof STATE_TERMINATE
  >().toEqualTypeOf<State>()
})

test('defaults are mutable, and the limits may be left to Node', () => {
  defaults.hammerTimeMs = 30_000
  defaults.readTimeoutMs = undefined
  expectTypeOf(defaults).toEqualTypeOf<{
    readTimeoutMs: number | undefined
    writeTimeoutMs: number | undefined
    maxHeaderBytes: number | undefined
    hammerTimeMs: number
  }>()
  // @ts-expect-error -- the hammer has a time in any case
  defaults.hammerTimeMs = undefined
})
