import http from 'node:http'
import net from 'node:net'
import { EndlessError } from './api/endless-error.js'
import type { EndlessServer } from './api/endless-server.js'
import { type EndlessOptions, parseOptions } from './api/options.js'
import { interceptListen } from './listeners/intercept.js'
import { currentRuntime } from './process/runtime.js'
import { ManagedServer } from './server/managed-server.js'

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
    return createManagedServer<net.Server>(http.createServer(x as http.RequestListener), options)
  }
  if (x instanceof net.Server) return createManagedServer(x, options)
  throw new EndlessError(
    'ERR_ENDLESS_INVALID_HANDLER',
    `endless() needs a request handler or a server, and got ${describe(x)}.`,
  )
}

/** Describes a value for an error: `an object`, `null`; for an app with an adapter, also what to do. */
function describe(x: unknown): string {
  if (x === null || x === undefined) return String(x)
  if (typeof x !== 'object') return `a ${typeof x}`
  const { register, inject, callback } = x as Record<string, unknown>
  if (typeof register === 'function' && typeof inject === 'function') {
    return 'a Fastify app: use app.register(endlessPlugin) of @endless/fastify instead'
  }
  if (typeof callback === 'function') return 'a Koa app: use endless() of @endless/koa instead'
  return 'an object'
}

const serversKey = Symbol.for('@endless/core:servers')

/** Every endless server of this process, also those of a second copy of the library. */
function endlessServers(): WeakSet<net.Server> {
  const global = globalThis as Record<symbol, WeakSet<net.Server> | undefined>
  return (global[serversKey] ??= new WeakSet())
}

/** Whether a server is endless. */
export function isEndless(server: net.Server): boolean {
  return endlessServers().has(server)
}

/** Makes a server endless because the program asks for it; returns the class behind {@link EndlessServer}. */
export function createManagedServer<S extends net.Server>(
  server: S,
  options?: EndlessOptions,
): ManagedServer<S> {
  currentRuntime().host.decidedByProgram()
  return manage(server, options)
}

/** Makes a server endless. */
export function manage<S extends net.Server>(
  server: S,
  options?: EndlessOptions,
): ManagedServer<S> {
  const given = parseOptions(options)
  if (isEndless(server)) {
    throw new EndlessError(
      'ERR_ENDLESS_INVALID_HANDLER',
      'This server is endless already: keep what the first call of endless() returned.',
    )
  }
  const { host } = currentRuntime()
  const managed = new ManagedServer<S>(server, host, given)
  host.configure(given.process)
  endlessServers().add(server)
  watchHiddenServers()
  return managed
}

let isWatching = false

/**
 * Watches for servers that a framework opens beside an endless server, with the same request handler, and
 * makes them endless. Fastify does so for `localhost`.
 */
function watchHiddenServers(): void {
  if (isWatching) return
  isWatching = true
  interceptListen((server) => {
    if (server.listenerCount('request') === 0) return
    const handlers = new Set<unknown>(server.listeners('request'))
    const main = currentRuntime().servers.find((other) =>
      other.server.listeners('request').some((handler) => handlers.has(handler)),
    )
    if (main) main.addSibling(manage(server, main.siblingOptions))
  })
}
