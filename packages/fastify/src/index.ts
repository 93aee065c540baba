import { endless, type EndlessOptions, type EndlessServer } from '@endless/core'
import type {
  FastifyBaseLogger,
  FastifyPluginAsync,
  FastifyTypeProvider,
  FastifyTypeProviderDefault,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerBase,
  RawServerDefault,
  RegisterOptions,
} from 'fastify'
import fp from 'fastify-plugin'
import { closeAfterDrain, logger } from './open-apps.js'
import { isSilent } from './silent-log.js'

export * from '@endless/core'

declare module 'fastify' {
  /* eslint-disable @typescript-eslint/no-unused-vars -- TypeScript wants all of Fastify's for one */
  interface FastifyInstance<
    RawServer extends RawServerBase = RawServerDefault,
    RawRequest extends RawRequestDefaultExpression<RawServer> =
      RawRequestDefaultExpression<RawServer>,
    RawReply extends RawReplyDefaultExpression<RawServer> = RawReplyDefaultExpression<RawServer>,
    Logger extends FastifyBaseLogger = FastifyBaseLogger,
    TypeProvider extends FastifyTypeProvider = FastifyTypeProviderDefault,
  > {
    /** This app's server, as endless has it. */
    endless: EndlessServer<RawServer>
  }
  /* eslint-enable @typescript-eslint/no-unused-vars */
}

/**
 * Makes a Fastify app restart without losing anything: register it, then listen as ever.
 * `app.endless` is the server, logs go to `app.log` (to stderr if the app was made without a logger), and `onClose` hooks run after the drain.
 *
 * @example await app.register(endlessPlugin, { pidFile: 'app.pid' })
 * @throws (rejects) what `endless` of `@endless/core` throws
 */
export const endlessPlugin: FastifyPluginAsync<EndlessOptions> = fp(
  async (app, options: EndlessOptions & RegisterOptions) => {
    // Fastify's own, of every `register`.
    const { prefix: _, logLevel: __, logSerializers: ___, ...own } = options
    // First: this is how Fastify tells somebody who registers a plugin twice.
    app.decorate('endless', { getter: () => server })
    const server = endless(app.server, isSilent(app.log) ? own : { logger, ...own })
    closeAfterDrain(app, server)
  },
  { name: '@endless/fastify', fastify: '5.x' },
)

export default endlessPlugin
