import type { ConnectionCounts } from '../api/status.js'
import { httpServerOf, responseOn } from '../node/internals/http1-connection.js'
import { openStreamsOf } from '../node/internals/http2-session.js'
import { findIdle } from './idle.js'
import type { OpenConnections } from './open-connections.js'

/**
 * Counts the connections and requests of a server. Takes 1 µs for each connection, and only when a
 * status is asked for.
 */
export function countConnections(connections: OpenConnections): {
  connections: ConnectionCounts
  requests: number
} {
  const { accepted, speaking, sessions, handshaking, upgraded } = connections
  const parsing = new Set([...speaking].flatMap((socket) => httpServerOf(socket) ?? []))
  const idle = [...parsing].map((each) => findIdle(each, connections.speakingTo(each)).size)
  const counts = {
    idle: idle.reduce((sum, count) => sum + count, 0),
    upgraded: upgraded.length,
    http2: sessions.size,
    handshaking: handshaking.length,
  }
  const known = Object.values(counts).reduce((sum, count) => sum + count)
  const answering = [...speaking].filter((socket) => responseOn(socket))
  const streams = [...sessions.keys()].flatMap(openStreamsOf)
  return {
    // A closing connection may still be in one of the counts, but no longer in `accepted`.
    connections: { open: accepted.size, ...counts, busy: Math.max(0, accepted.size - known) },
    requests: answering.length + streams.length,
  }
}

/** Returns a number of connections in words: `1 connection`, `2 idle connections`. */
export function connectionsOf(count: number, kind?: 'upgraded' | 'idle' | 'other'): string {
  return `${String(count)} ${kind === undefined ? '' : `${kind} `}connection${count === 1 ? '' : 's'}`
}
