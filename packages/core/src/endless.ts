import http from 'node:http'
import net from 'node:net'
import { EndlessError } from './errors.js'
import { currentRuntime } from './generation.js'
import { parseOptions, type EndlessOptions } from './options.js'
import { ManagedServer, type EndlessServer } from './server.js'

/**
 * Makes a server restart without losing anything: an existing one, or a new one for a request
 * handler such as an Express app.
 *
 * @example endless((request, response) => response.end('hello')).listen(3000)
 * @throws `ERR_ENDLESS_INVALID_HANDLER` for anything but a server or a function
 * @throws `ERR_ENDLESS_INVALID_OPTION`, `ERR_ENDLESS_OPTION_CONFLICT`, `ERR_ENDLESS_INVALID_HOOK`,
 * `ERR_ENDLESS_PID_FILE`
 * @throws `ERR_ENDLESS_UNSUPPORTED` for a server that is neither `node:http` nor `node:https`
 */
export function endless<S extends net.Server>(server: S, options?: EndlessOptions): EndlessServer<S>
export function endless(
  handler: http.RequestListener,
  options?: EndlessOptions,
): EndlessServer
export function endless(x: unknown, options?: EndlessOptions): EndlessServer<net.Server> {
  if (typeof x !== 'function' && !(x instanceof net.Server)) {
    throw new EndlessError(
      'ERR_ENDLESS_INVALID_HANDLER',
      `Cannot make ${x === null ? 'null' : typeof x} endless: give it a request handler or a server.`,
    )
  }
  const server = typeof x === 'function' ? http.createServer(x as http.RequestListener) : x
  return createManagedServer(server, options)
}

const managedServers = new WeakMap<net.Server, ManagedServer>()

/** Makes a server endless, with what the library itself needs of it. */
export function createManagedServer<S extends net.Server>(
  server: S,
  options?: EndlessOptions,
): ManagedServer<S> {
  const given = parseOptions(options)
  if (managedServers.has(server)) {
    throw new EndlessError(
      'ERR_ENDLESS_INVALID_HANDLER',
      'This server is endless already: keep what the first call of endless() answered.',
    )
  }
  const runtime = currentRuntime()
  runtime.configure(given.process)
  const managed = new ManagedServer<S>(server, runtime, given.server)
  managedServers.set(server, managed as unknown as ManagedServer)
  return managed
}
