// Proves that Fastify users have `app.endless` typed, and the options of the plugin checked, without a cast.
import type http2 from 'node:http2'
import type https from 'node:https'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import { expectTypeOf, test } from 'vitest'
import endlessDefault, {
  endlessPlugin,
  generation,
  type EndlessOptions,
  type EndlessServer,
} from '../src/index.js'

test('app.endless is typed', () => {
  expectTypeOf<FastifyInstance['endless']>().toEqualTypeOf<EndlessServer>()
  expectTypeOf(Fastify().endless.address).toEqualTypeOf<string | null>()
  const app = Fastify({ https: {} })
  expectTypeOf(app.endless.state).toEqualTypeOf<EndlessServer['state']>()
})

test('the plugin is a plugin with the options of endless', () => {
  expectTypeOf(endlessPlugin).toExtend<FastifyPluginAsync<EndlessOptions>>()
  expectTypeOf(endlessDefault).toEqualTypeOf(endlessPlugin)
  const app = Fastify({ logger: true })
  app.register(endlessPlugin)
  app.register(endlessPlugin, { hooks: { before: { SIGHUP: async () => undefined } } })
  // @ts-expect-error -- the unit is in the name
  app.register(endlessPlugin, { hammerTime: 1_000 })
  // @ts-expect-error -- no such signal
  app.register(endlessPlugin, { hooks: { before: { SIGKILL: () => undefined } } })
})

test('an app of https or http2 takes it too, and has its own server', async () => {
  const secure = Fastify({ https: {} })
  await secure.register(endlessPlugin, { pidFile: 'app.pid' })
  expectTypeOf(secure.endless.server).toEqualTypeOf<https.Server>()
  const cleartext = Fastify({ http2: true })
  await cleartext.register(endlessPlugin, { pidFile: 'app.pid' })
  expectTypeOf(cleartext.endless.server).toEqualTypeOf<http2.Http2Server>()
  const both = Fastify({ http2: true, https: { allowHTTP1: true } })
  await both.register(endlessPlugin)
  expectTypeOf(both.endless.server).toEqualTypeOf<http2.Http2SecureServer>()
})

test('the package has the names of core', () => {
  expectTypeOf(generation.number).toEqualTypeOf<number>()
})
