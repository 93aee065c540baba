// Proves that Fastify users have `app.endless` typed, and the options of the plugin checked, without a cast.
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

test('an app of https takes it too', async () => {
  await Fastify({ https: {} }).register(endlessPlugin, { pidFile: 'app.pid' })
})

test('the package has the names of core', () => {
  expectTypeOf(generation.number).toEqualTypeOf<number>()
})
