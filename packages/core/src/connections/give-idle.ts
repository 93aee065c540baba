import type http from 'node:http'
import type net from 'node:net'
import { connectionFacts } from '../migration/connection-facts.js'
import type { Giver } from '../migration/migration.js'
import type { WayOut } from './drain-options.js'
import { findIdle } from './idle.js'
import type { OpenConnections } from './open-connections.js'

/**
 * Gives idle connections of a server that goes on accepting to another process; returns how many. Those that have
 * not sent a byte stay: their first request is on its way.
 */
export function giveIdle(
  server: http.Server,
  connections: OpenConnections,
  { migration, bound, mayMove }: WayOut,
  most: number,
): number {
  const mayGo = (socket: net.Socket): boolean =>
    migration.takes(socket, bound) && (mayMove?.(socket) ?? true)
  const giver: Giver = {
    facts: (socket) => connectionFacts(server, socket, bound),
    mayMove: mayGo,
    onReturned: stays,
  }
  let given = 0
  for (const socket of findIdle(server, connections.speakingTo(server))) {
    if (given >= most) break
    const isSilent = socket.bytesRead === 0
    if (isSilent || !mayGo(socket)) continue
    migration.offer(socket, giver)
    given++
  }
  return given
}

function stays(): void {
  // The server serves it as before.
}
