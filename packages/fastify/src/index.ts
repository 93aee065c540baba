import { endless, type EndlessOptions, type EndlessServer } from '@endless/core'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { close, closeBeforeExit, loggerOf } from './open-apps.js'

export * from '@endless/core'

declare module 'fastify' {
  interface FastifyInstance {
    /** This app's server, as endless has it. */
    endless: EndlessServer<FastifyInstance['server']>
  }
}

/**
 * Makes a Fastify app restart without losing anything: register it, then listen as ever.
 * `app.endless` is the server, logs go to `app.log`, and `onClose` hooks run after the drain.
 *
 * @example await app.register(endlessPlugin, { pidFile: '/run/app.pid' })
 * @throws (rejects) what `endless` of `@endless/core` throws
 */
export const endlessPlugin = fp<EndlessOptions>(
  // eslint-disable-next-line @typescript-eslint/require-await -- a plugin is a promise or a callback
  async (app, options) => {
    const server = endless(app.server, { logger: loggerOf(app), ...options })
    app.decorate('endless', server)
    // Not before the drain: a closing app answers 503 and closes idle connections at once.
    void server.terminated.then(() => close(app))
    closeBeforeExit(app)
  },
  { name: '@endless/fastify', fastify: '5.x' },
)

export default endlessPlugin
