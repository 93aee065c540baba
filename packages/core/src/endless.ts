import http from 'node:http'
import net from 'node:net'
import { EndlessError } from './api/endless-error.js'
import type { EndlessServer } from './api/endless-server.js'
import { describeNoServer } from './api/not-a-server.js'
import type { EndlessOptions } from './api/options.js'
import { listeningServersOf } from './node/internals/server.js'
import { createManagedServer, isEndless } from './process/managed-servers.js'
import { currentRuntime } from './process/runtime.js'
import { refuseListening } from './server/misuse.js'

/**
 * Makes a server restart without losing anything. Takes a server of `node:http`, `node:https`,
 * `node:http2`, `node:net` or `node:tls`, or a request handler such as an Express app, for which it
 * creates an HTTP server.
 *
 * @example endless((request, response) => response.end('hello')).listen(3000)
 * @throws `ERR_ENDLESS_INVALID_HANDLER` for anything but a server or a function
 * @throws `ERR_ENDLESS_INVALID_OPTION`, `ERR_ENDLESS_OPTION_CONFLICT`, `ERR_ENDLESS_INVALID_HOOK`,
 * `ERR_ENDLESS_PID_FILE`
 */
export function endless<S extends net.Server>(server: S, options?: EndlessOptions): EndlessServer<S>
export function endless(handler: http.RequestListener, options?: EndlessOptions): EndlessServer
export function endless(x: unknown, options?: EndlessOptions): EndlessServer<net.Server> {
  if (typeof x === 'function') {
    const { system } = currentRuntime().host
    refuseListening(
      x,
      listeningServersOf(system.self).filter((each) => !isEndless(each)),
    )
    return createManagedServer<net.Server>(http.createServer(x as http.RequestListener), options)
  }
  if (x instanceof net.Server) return createManagedServer(x, options)
  throw new EndlessError(
    'ERR_ENDLESS_INVALID_HANDLER',
    `endless() needs a request handler or a server, and got ${describeNoServer(x)}.`,
  )
}
