// Proves what `endless()` says to somebody who gives it something else than a handler or a server.
import { expect, test, vi } from 'vitest'
import { endless } from '../src/endless.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

const noop = (): void => undefined

test.each([
  ['an object', {}, 'an object.'],
  ['a number', 3000, 'a number.'],
  ['nothing', undefined, 'undefined.'],
  ['null', null, 'null.'],
  [
    'a Fastify app',
    { register: noop, inject: noop },
    'a Fastify app: use app.register(endlessPlugin) of @endless/fastify instead.',
  ],
  ['a Koa app', { callback: noop }, 'a Koa app: use endless() of @endless/koa instead.'],
])('given %s', (_, x, got) => {
  expect(() => endless(x as never)).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_INVALID_HANDLER',
      message: `endless() needs a request handler or a server, and got ${got}`,
    }),
  )
})
