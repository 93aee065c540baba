import net from 'node:net'

/**
 * Shows every server that is about to listen to `adopt`, which may make it endless.
 *
 * There is no other way to see a server that a framework makes for itself: Fastify, asked for
 * `localhost`, makes one for each further address, without a hook (fastify lib/server.js,
 * multipleBindings). A server with a `listen` of its own is endless already, or somebody else's.
 */
export function interceptListen(adopt: (server: net.Server) => void): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to a server below
  const listen = net.Server.prototype.listen as (...args: unknown[]) => net.Server
  net.Server.prototype.listen = function (this: net.Server, ...args: unknown[]): net.Server {
    if (!Object.hasOwn(this, 'listen')) {
      adopt(this)
      if (Object.hasOwn(this, 'listen')) {
        return (this.listen as (...args: unknown[]) => net.Server)(...args)
      }
    }
    return listen.apply(this, args)
  } as typeof net.Server.prototype.listen
}
