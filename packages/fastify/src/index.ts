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

// The entry of @endless/fastify: everything in core, and the plugin.

export * from '@endless/core'

declare module 'fastify' {
  /* eslint-disable @typescript-eslint/no-unused-vars -- a merged interface repeats all type parameters */
  interface FastifyInstance<
    RawServer extends RawServerBase = RawServerDefault,
    RawRequest extends RawRequestDefaultExpression<RawServer> =
      RawRequestDefaultExpression<RawServer>,
    RawReply extends RawReplyDefaultExpression<RawServer> = RawReplyDefaultExpression<RawServer>,
    Logger extends FastifyBaseLogger = FastifyBaseLogger,
    TypeProvider extends FastifyTypeProvider = FastifyTypeProviderDefault,
  > {
    /** The {@link EndlessServer} of this app. */
    endless: EndlessServer<RawServer>
  }
  /* eslint-enable @typescript-eslint/no-unused-vars */
}

/**
 * Makes a Fastify app restart without losing anything: register the plugin, then listen as usual.
 *
 * `app.endless` is the server. Logs go to `app.log`, or to stderr if the app was created without a logger.
 * `onClose` hooks run after the drain.
 *
 * @example await app.register(endlessPlugin, { pidFile: 'app.pid' })
 * @throws (as a rejection) the same errors as `endless` of `@endless/core`
 */
export const endlessPlugin: FastifyPluginAsync<EndlessOptions> = fp(
  async (app, options: EndlessOptions & RegisterOptions) => {
    // Fastify's own options of `register`.
    const { prefix: _, logLevel: __, logSerializers: ___, ...own } = options
    // First, so that registering the plugin twice fails with Fastify's own error.
    app.decorate('endless', { getter: () => server })
    const server = endless(app.server, isSilent(app.log) ? own : { logger, ...own })
    closeAfterDrain(app, server)
  },
  { name: '@endless/fastify', fastify: '5.x' },
)

export default endlessPlugin
