import net from 'node:net'

/**
 * Calls `adopt` with every server that is about to listen; `adopt` may make the server endless.
 *
 * There is no other way to see a server that a framework creates itself: asked for `localhost`,
 * Fastify creates a server for each further address, without a hook (fastify lib/server.js,
 * multipleBindings). A server with a `listen` of its own is endless already, or another library's.
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
