// Proves what TypeScript knows of endless(), its options, its hooks and its server, without a cast.
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { expectTypeOf, test } from 'vitest'
import {
  type AskServer,
  endless,
  type EndlessOptions,
  type EndlessServer,
  generation,
  type JsonOptions,
  type ShutdownReport,
  type State,
  type SuccessorOptions,
  type WarmUp,
} from '../src/index.js'

test('endless keeps the kind of its server', () => {
  expectTypeOf(endless(http.createServer()).server).toEqualTypeOf<http.Server>()
  expectTypeOf(endless(https.createServer()).server).toEqualTypeOf<https.Server>()
  expectTypeOf(endless(http2.createServer()).server).toEqualTypeOf<http2.Http2Server>()
  expectTypeOf(endless(net.createServer()).server).toEqualTypeOf<net.Server>()
})

test('a handler gets an http server, and knows its request and response', () => {
  const served = endless((request, response) => {
    expectTypeOf(request).toEqualTypeOf<http.IncomingMessage>()
    response.end()
  })
  expectTypeOf(served).toEqualTypeOf<EndlessServer>()
  expectTypeOf(served.server).toEqualTypeOf<http.Server>()
})

test('listeners of others are called or held, and a probe is a path', () => {
  const options: EndlessOptions = { otherSignalListeners: 'hold', readyProbe: '/health' }
  expectTypeOf(options.otherSignalListeners).toEqualTypeOf<'call' | 'hold' | undefined>()
  // @ts-expect-error -- no third way
  endless(http.createServer(), { otherSignalListeners: 'drop' })
  // @ts-expect-error -- a path of the server
  endless(http.createServer(), { readyProbe: true })
})

test('a warm-up is a list of paths, or a function that asks', () => {
  const options: EndlessOptions = { warmUp: ['/', '/products'], requireWarmUp: true }
  expectTypeOf(options.warmUp).toEqualTypeOf<WarmUp | undefined>()
  endless(http.createServer(), {
    warmUp: async (ask) => {
      expectTypeOf(ask).toEqualTypeOf<AskServer>()
      expectTypeOf(await ask('/')).toEqualTypeOf<number>()
    },
  })
  // @ts-expect-error -- a list of paths
  endless(http.createServer(), { warmUp: '/' })
  expectTypeOf<JsonOptions['warmUp']>().toEqualTypeOf<string[] | undefined>()
})

test('what package.json may have is what JSON can express', () => {
  const options: JsonOptions = { hammerTimeMs: 30_000, socketMode: '660', signals: ['SIGHUP'] }
  expectTypeOf(options.migrateConnections).toEqualTypeOf<boolean | undefined>()
  expectTypeOf(options.successor).toEqualTypeOf<SuccessorOptions | undefined>()
  // @ts-expect-error -- needs code
  expectTypeOf<JsonOptions>().toHaveProperty('logger')
  // @ts-expect-error -- a time on a command line, and not in JSON
  const times: JsonOptions = { hammerTimeMs: '30s' }
  expectTypeOf(times).toEqualTypeOf<JsonOptions>()
})

test('what is neither a server nor a handler does not compile', () => {
  // @ts-expect-error -- an address belongs to listen
  endless(3000)
  // @ts-expect-error -- nothing at all
  endless()
  // @ts-expect-error -- a handler of something else
  endless((text: string) => text)
})

test('listen has the overloads of Node, and answers the server', () => {
  const { listen } = endless(https.createServer())
  expectTypeOf(listen()).toEqualTypeOf<https.Server>()
  expectTypeOf(listen(3000)).toEqualTypeOf<https.Server>()
  expectTypeOf(listen(3000, () => undefined)).toEqualTypeOf<https.Server>()
  expectTypeOf(listen(3000, 'localhost')).toEqualTypeOf<https.Server>()
  expectTypeOf(listen(3000, 'localhost', 511, () => undefined)).toEqualTypeOf<https.Server>()
  expectTypeOf(listen(3000, 511, () => undefined)).toEqualTypeOf<https.Server>()
  expectTypeOf(listen({ port: 3000, ipv6Only: true })).toEqualTypeOf<https.Server>()
  expectTypeOf(listen('/run/app.sock')).toEqualTypeOf<https.Server>()
})

test('an endless server has what the guide says, read-only where it says so', () => {
  const served = endless(() => undefined)
  expectTypeOf(served.address).toEqualTypeOf<string | null>()
  expectTypeOf(served.state).toEqualTypeOf<State>()
  expectTypeOf<State>().toEqualTypeOf<'init' | 'running' | 'shutting-down' | 'terminate'>()
  expectTypeOf(served.shutdown()).toEqualTypeOf<Promise<ShutdownReport>>()
  expectTypeOf(served.terminated).toEqualTypeOf<Promise<ShutdownReport>>()
  served.beforeBegin = async (address) => void expectTypeOf(address).toEqualTypeOf<string>()
  // @ts-expect-error -- what happens to it is not for assignment
  served.state = 'running'
  // @ts-expect-error -- nor is its server
  served.server = http.createServer()
})

test('hooks are for the phases and the signals that there are', () => {
  const served = endless(() => undefined)
  expectTypeOf(served.registerSignalHook('before', 'SIGHUP', () => undefined)).toEqualTypeOf<
    typeof served
  >()
  served.registerSignalHook('after', 'SIGTERM', async () => 'what a client library gives')
  // @ts-expect-error -- no such phase
  served.registerSignalHook('during', 'SIGHUP', () => undefined)
  // @ts-expect-error -- a signal that cannot be caught
  served.registerSignalHook('before', 'SIGKILL', () => undefined)
  // @ts-expect-error -- Node would wait for nothing
  served.registerSignalHook('before', 'SIGHUP')
})

test('options are known by name and kind', () => {
  endless(() => undefined, {})
  endless(() => undefined, {
    hammerTimeMs: -1,
    hooks: { before: { SIGHUP: () => undefined }, after: { SIGTERM: [async () => undefined] } },
    beforeBegin: (address) => void expectTypeOf(address).toEqualTypeOf<string>(),
    socketMode: 0o660,
    socketOwner: { gid: 33 },
    ready: 'manual',
    signals: ['SIGTERM'],
    successor: { env: { ...process.env, PORT: undefined } },
    logger: console,
  })
  expectTypeOf<EndlessOptions['ready']>().toEqualTypeOf<'listening' | 'manual' | undefined>()
  // @ts-expect-error -- the unit is in the name
  endless(() => undefined, { hammerTime: 1_000 })
  // @ts-expect-error -- a number
  endless(() => undefined, { hammerTimeMs: '1s' })
  // @ts-expect-error -- a number, as for fs.chmod
  endless(() => undefined, { socketMode: '660' })
  // @ts-expect-error -- ids, no names
  endless(() => undefined, { socketOwner: { gid: 'www-data' } })
  // @ts-expect-error -- one of two
  endless(() => undefined, { ready: 'later' })
  // @ts-expect-error -- no such signal
  endless(() => undefined, { hooks: { before: { SIGKILL: () => undefined } } })
  // @ts-expect-error -- no such phase
  endless(() => undefined, { hooks: { during: { SIGHUP: () => undefined } } })
  // @ts-expect-error -- a signal that endless has nothing to do for
  endless(() => undefined, { signals: ['SIGPIPE'] })
  // @ts-expect-error -- a logger has three methods
  endless(() => undefined, { logger: { info: () => undefined } })
})

test('a worker knows its place', () => {
  expectTypeOf(generation.slot).toEqualTypeOf<number>()
  expectTypeOf(generation.workers).toEqualTypeOf<number>()
  // @ts-expect-error -- the supervisor's to give
  generation.slot = 1
})
