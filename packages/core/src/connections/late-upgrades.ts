import net from 'node:net'
import tls from 'node:tls'
import { isBelowTls } from '../node/internals/connection-handle.js'
import { parserOf } from '../node/internals/http1-connection.js'
import { shadow } from '../node/shadow.js'

// Watches for connections that become the application's own in the middle of a drain.

/** The events that pass a connection that has left HTTP/1 to the application. */
const upgradeEvents: ReadonlySet<string | symbol> = new Set(['upgrade', 'connect'])

type Emit = (event: string | symbol, ...args: unknown[]) => boolean

/**
 * Calls `onUpgraded` for each connection that leaves HTTP from now on. Returns an undo function.
 * Adds no listener: Node upgrades a connection only if there is a listener (lib/_http_server.js,
 * parserOnIncoming), and the application may remove its own, as `ws` does in its `close`. Without one, as of now,
 * does nothing: see docs/decisions.md, "A server whose connections move is left alone"
 *
 * See docs/decisions.md, "The event `drain` comes again for a late upgrade"
 */
export function watchUpgrades(
  server: net.Server,
  onUpgraded: (socket: net.Socket) => void,
): () => void {
  const upgrades = [...upgradeEvents].some((event) => server.listenerCount(event) > 0)
  if (!upgrades) return () => undefined
  let isOver = false
  const emit = server.emit.bind(server) as Emit
  const restore = shadow(server, 'emit', (event: string | symbol, ...args: unknown[]): boolean => {
    const isHeard = emit(event, ...args)
    const socket = args[1]
    // HTTP/2 also emits 'connect': for a stream, which lives and ends with its session.
    if (isHeard && upgradeEvents.has(event) && socket instanceof net.Socket) {
      // By then the application has accepted or refused the upgrade, unless it decides asynchronously.
      setImmediate(() => {
        if (!isOver && !socket.destroyed && !socket.writableEnded) onUpgraded(socket)
      })
    }
    return isHeard
  })
  return () => {
    isOver = true
    restore()
  }
}

/**
 * Calls `onArrival` for each connection that a raw server gets from now on, and that does not speak HTTP: one whose
 * TLS handshake was under way. Returns an undo function.
 */
export function watchArrivals(
  server: net.Server,
  onArrival: (socket: net.Socket) => void,
): () => void {
  const event = server instanceof tls.Server ? 'secureConnection' : 'connection'
  // Runs after the listeners of the application, which know the connection by then.
  const arrive = (socket: net.Socket): void => {
    if (!parserOf(socket) && !isBelowTls(socket)) onArrival(socket)
  }
  server.on(event, arrive)
  return () => {
    server.off(event, arrive)
  }
}
