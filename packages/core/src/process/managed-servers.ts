import type net from 'node:net'
import { EndlessError } from '../api/endless-error.js'
import { parseOptions } from '../api/option-checks.js'
import type { EndlessOptions } from '../api/options.js'
import { interceptListen } from '../listeners/intercept.js'
import { type ManagedOptions, ManagedServer } from '../server/managed-server.js'
import { refuseMisuse } from '../server/misuse.js'
import { currentRuntime } from './runtime.js'

// Which servers of this process are endless, and how a server becomes that.

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

/** Makes a server endless because the program asks for it; returns the class behind `EndlessServer`. */
export function createManagedServer<S extends net.Server>(
  server: S,
  options?: EndlessOptions,
): ManagedServer<S> {
  if (!isEndless(server)) refuseMisuse(server)
  currentRuntime().host.decidedByProgram()
  const managed = manage(server, options, 'code')
  for (const handler of server.listeners('request')) wanted.set(handler, { managed, options })
  return managed
}

/**
 * Makes a server endless.
 *
 * @param options what the program's code says of it
 */
export function manage<S extends net.Server>(
  server: S,
  options: EndlessOptions | undefined,
  madeBy: ManagedOptions['madeBy'],
): ManagedServer<S> {
  const { server: code, process } = parseOptions(options)
  const { host } = currentRuntime()
  return create(server, { server: host.optionsFor(code), code, process, madeBy })
}

function create<S extends net.Server>(server: S, given: ManagedOptions): ManagedServer<S> {
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

/** What the program asked for, by the request handler. */
const wanted = new WeakMap<
  object,
  { managed: ManagedServer; options: EndlessOptions | undefined }
>()

let isWatching = false

/**
 * Watches for servers with the request handler of an endless server, and makes them endless. Fastify opens such
 * a server beside the first for `localhost`. And `endless(app); app.listen(3000)` listens with a server that is
 * not the endless one.
 */
function watchHiddenServers(): void {
  if (isWatching) return
  isWatching = true
  interceptListen((server) => {
    if (server.listenerCount('request') === 0) return
    const handlers = server.listeners('request')
    const main = currentRuntime().servers.find((other) =>
      other.server.listeners('request').some((handler) => handlers.includes(handler)),
    )
    if (main) {
      main.addSibling(create(server, main.siblingOptions))
      return
    }
    const asked = handlers.map((handler) => wanted.get(handler)).find((each) => each !== undefined)
    if (asked?.managed.state === 'init') takePlace(server, asked.managed, asked.options)
  })
}

/** Makes the server of `app.listen()` endless, in place of the one of `endless(app)`, which does not listen. */
function takePlace(
  server: net.Server,
  { hooks }: ManagedServer,
  options: EndlessOptions | undefined,
): void {
  const { hooks: _, ...others } = options ?? {}
  const managed = manage(server, others, 'code')
  for (const { phase, signal, hook } of hooks.registered) managed.hooks.add(phase, signal, hook)
  currentRuntime().host.logger.warn(
    'app.listen() was called after endless(app): its server is endless, with the same options. ' +
      'Write endless(app).listen(…), so that what endless(app) returns is the server that listens.',
  )
}
