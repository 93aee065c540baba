import type { DrainOptions } from './drain-options.js'
import type { OpenConnections } from './open-connections.js'

/**
 * Waits for the connections of a server whose protocol only the application knows: it is told by the
 * 'drain' event. Ends only those over TLS that have not got that far in `idleGraceMs`.
 */
export function drainRaw(
  connections: OpenConnections,
  { system, idleGraceMs }: DrainOptions,
): () => void {
  // Unreferenced: the drain itself holds the process.
  const timer = system
    .setTimeout(() => {
      for (const socket of connections.handshaking) socket.destroy()
    }, idleGraceMs)
    .unref()
  return () => {
    clearTimeout(timer)
  }
}
