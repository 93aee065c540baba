// Proves that what Express users have is accepted and inferred, with the types of Express 4 and 5, and without a cast.
import http from 'node:http'
import https from 'node:https'
import express5 from 'express'
import express4 from 'express4'
import { expectTypeOf, test } from 'vitest'
import { endless, generation, type EndlessServer } from '../src/index.js'

test('an app of Express 4 or 5 gets an http server', () => {
  expectTypeOf(endless(express4()).server).toEqualTypeOf<http.Server>()
  expectTypeOf(endless(express5()).server).toEqualTypeOf<http.Server>()
  expectTypeOf(endless(express5(), { pidFile: 'app.pid' })).toExtend<EndlessServer>()
})

test('a server made from an app keeps its kind', () => {
  expectTypeOf(endless(http.createServer(express4())).server).toEqualTypeOf<http.Server>()
  const served = endless(https.createServer({}, express5()))
  expectTypeOf(served.server).toEqualTypeOf<https.Server>()
  expectTypeOf(served).toExtend<EndlessServer<https.Server>>()
})

test('the callback of listen may take the error, as in Express 5', () => {
  const served = endless(express5())
  const onListen = (error?: Error) => error?.message
  expectTypeOf(served.listen(3000, onListen)).toEqualTypeOf<http.Server>()
  served.listen(3000, (error) => expectTypeOf(error).toEqualTypeOf<Error | undefined>())
  served.listen(3000, 'localhost', (error) => error?.message)
  served.listen(3000, 'localhost', 511, (error) => error?.message)
  served.listen({ port: 3000 }, (error) => error?.message)
  served.listen((error) => error?.message)
  endless(https.createServer(express5())).listen(3000, (error) => error?.message)
})

test('listen has the overloads of Node and of Express', () => {
  const { listen } = endless(express5())
  expectTypeOf(listen()).toEqualTypeOf<http.Server>()
  expectTypeOf(listen(3000)).toEqualTypeOf<http.Server>()
  expectTypeOf(listen(3000, 511, () => undefined)).toEqualTypeOf<http.Server>()
  expectTypeOf(listen({ port: 3000, host: 'localhost' })).toEqualTypeOf<http.Server>()
  expectTypeOf(listen(process.env['PORT'] ?? 3000)).toEqualTypeOf<http.Server>()
})

test('what is no app does not compile', () => {
  // @ts-expect-error -- the module, not an app
  endless(express5.response)
  // @ts-expect-error -- the unit is in the name
  endless(express5(), { hammerTime: 1_000 })
})

test('the package has the names of core', () => {
  expectTypeOf(generation.number).toEqualTypeOf<number>()
})
