import type net from 'node:net'
import { longestDelayMs, type System } from '../node/system.js'
import { drainHttp, type WayOut } from './http1.js'
import { drainHttp2 } from './http2.js'
import { isHttp1, isHttp2 } from './kind.js'
import { drainRaw } from './raw.js'
import type { Connections } from './open-connections.js'

export interface DrainOptions {
  system: System
  /** How long a connection must have been quiet before it is closed. */
  idleGraceMs: number
  wayOut?: WayOut | undefined
}

/**
 * Ends the connections of a server that accepts no more, in the way of what it speaks. Answers what
 * undoes it: the server is then as it was.
 */
export function endConnections(
  server: net.Server,
  connections: Connections,
  options: DrainOptions,
): () => void {
  const undo = isHttp1(server)
    ? drainHttp(server, connections, options)
    : isHttp2(server)
      ? drainHttp2(server, connections, options)
      : drainRaw(connections, options)
  // A connection whose client is not read from, as nobody reads the body, keeps no event loop alive.
  const hold = setInterval(() => undefined, longestDelayMs)
  return () => {
    clearInterval(hold)
    undo()
  }
}
