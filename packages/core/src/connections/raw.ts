import type { DrainOptions } from './drain-options.js'
import type { OpenConnections } from './open-connections.js'

/**
 * Drains a raw server: its application, which alone knows the protocol, is told by the event 'drain'.
 * Ends only connections whose TLS handshake is incomplete after `idleGraceMs`. Returns an undo function.
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
