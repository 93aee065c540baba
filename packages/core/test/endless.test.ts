// Proves what `endless()` says to somebody who gives it something else than a handler or a server.
import http from 'node:http'
import { expect, test, vi } from 'vitest'
import { endless } from '../src/endless.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

const nest = 'a Nest app: call endless(app.getHttpServer()), and then app.listen(3000) as before.'
const hono = 'a Hono app: pass createAdaptorServer(app) of @hono/node-server.'
const pair = 'an object with a server: pass its property `server`.'
const noop = (): void => undefined

test.each([
  ['an object', {}, 'an object.'],
  ['a number', 3000, 'a number: the address belongs to listen, as in endless(app).listen(3000).'],
  ['nothing', undefined, 'undefined.'],
  ['null', null, 'null.'],
  [
    'a Fastify app',
    { register: noop, inject: noop },
    'a Fastify app: use app.register(endlessPlugin) of @endless/fastify instead.',
  ],
  ['a Koa app', { callback: noop, use: noop }, 'a Koa app: use endless() of @endless/koa instead.'],
  ['a Nest app', { getHttpServer: noop, getHttpAdapter: noop, listen: noop }, nest],
  ['a Hono app', { fetch: noop, basePath: noop, request: noop }, hono],
  ['an h3 app', { fetch: noop, '~routes': [] }, 'an h3 app: pass toNodeHandler(app) of h3.'],
  [
    'an h3 app of version 1',
    { handler: noop, stack: [], use: noop },
    'an h3 app: pass toNodeListener(app) of h3.',
  ],
  ['what tRPC 10 returns', { server: http.createServer(), listen: noop }, pair],
  ['a promise', Promise.resolve(), 'a promise: await it first.'],
])('given %s', (_, x, got) => {
  expect(() => endless(x as never)).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_INVALID_HANDLER',
      message: `endless() needs a request handler or a server, and got ${got}`,
    }),
  )
})
