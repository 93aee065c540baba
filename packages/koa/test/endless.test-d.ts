// Proves that what Koa users have is accepted and inferred, with the types of Koa 2 and 3, and without a cast.
import http from 'node:http'
import https from 'node:https'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { expectTypeOf, test } from 'vitest'
import { endless, generation, type EndlessServer, type KoaApp } from '../src/index.js'

interface Session {
  user: string
}

test('an app of Koa 2 or 3 gets an http server', () => {
  expectTypeOf(endless(new Koa2())).toEqualTypeOf<EndlessServer>()
  expectTypeOf(endless(new Koa3())).toEqualTypeOf<EndlessServer>()
  expectTypeOf(endless(new Koa3<Session>(), { pidFile: 'app.pid' })).toEqualTypeOf<EndlessServer>()
  expectTypeOf<Koa3<Session>>().toExtend<KoaApp>()
})

test('a server made from an app keeps its kind', () => {
  const handler = new Koa3().callback()
  expectTypeOf(endless(http.createServer(handler)).server).toEqualTypeOf<http.Server>()
  expectTypeOf(endless(https.createServer({}, handler)).server).toEqualTypeOf<https.Server>()
})

test('what is no app does not compile', () => {
  // @ts-expect-error -- the class, not an app
  endless(Koa3)
  // @ts-expect-error -- the unit is in the name
  endless(new Koa3(), { hammerTime: 1_000 })
})

test('the package has the names of core', () => {
  expectTypeOf(generation.number).toEqualTypeOf<number>()
})
