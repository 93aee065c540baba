import * as core from '@endless/core'
import type http from 'node:http'
import net from 'node:net'
import { passListenErrors, type ListenWithErrors } from './listen-errors.js'

// The entry of @endless/express: everything in core, and an `endless` that also takes an Express app.

export * from '@endless/core'

/**
 * Makes an Express app, or a server made from an Express app, restart without losing anything.
 *
 * A `listen` callback that declares a parameter receives the error if listening fails, as in Express 5.
 * Without such a callback, the server emits 'error'.
 *
 * @example endless(app).listen(3000)
 * @throws the same errors as `endless` of `@endless/core`
 */
export function endless<S extends net.Server>(
  server: S,
  options?: core.EndlessOptions,
): ListenWithErrors<S> & core.EndlessServer<S>
export function endless(
  app: http.RequestListener,
  options?: core.EndlessOptions,
): ListenWithErrors<http.Server> & core.EndlessServer
export function endless(
  x: net.Server | http.RequestListener,
  options?: core.EndlessOptions,
): core.EndlessServer<net.Server> {
  if (typeof x !== 'function') {
    if (x instanceof net.Server) passListenErrors(x)
    return core.endless(x, options)
  }
  const endlessServer: core.EndlessServer<net.Server> = core.endless(x, options)
  const { server } = endlessServer
  passListenErrors(server)
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is bound, as that of core
  return Object.assign(endlessServer, { listen: server.listen })
}
