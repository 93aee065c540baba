import * as core from '@endless/core'
import http from 'node:http'
import net from 'node:net'
import { passListenErrors, type ListenWithErrors } from './listen-errors.js'

export * from '@endless/core'

/**
 * Makes an Express app, or a server made from one, restart without losing anything.
 *
 * As with Express 5, a callback of `listen` that declares a parameter is called with the error if
 * listening fails; without one, the server emits 'error'.
 *
 * @example endless(app).listen(3000)
 * @throws what `endless` of `@endless/core` throws
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
  const server = typeof x === 'function' ? http.createServer(x) : x
  if (server instanceof net.Server) passListenErrors(server)
  return core.endless(server, options)
}
