import type http from 'node:http'
import type net from 'node:net'
import type { ConnectionCounts } from '../api/status.js'
import { responseOn } from '../node/internals/http1-connection.js'
import { openStreamsOf } from '../node/internals/http2-session.js'
import { findIdle } from './idle.js'
import { isHttp1, isHttp2 } from './kind.js'
import type { OpenConnections } from './open-connections.js'

/**
 * Counts the connections and requests of a server. Takes 1 µs for each connection, and only when a
 * status is asked for.
 */
export function countConnections(
  server: net.Server,
  { accepted, speaking, sessions, handshaking, upgraded }: OpenConnections,
): { connections: ConnectionCounts; requests: number } {
  const isHttp = isHttp1(server) || isHttp2(server)
  const idle = isHttp ? findIdle(server as http.Server, speaking).size : 0
  const counts = {
    idle,
    upgraded: upgraded.length,
    http2: sessions.size,
    handshaking: handshaking.length,
  }
  const known = Object.values(counts).reduce((sum, count) => sum + count)
  const answering = isHttp ? [...speaking].filter((socket) => responseOn(socket)) : []
  const streams = [...sessions.keys()].flatMap(openStreamsOf)
  return {
    // A closing connection may still be in one of the counts, but no longer in `accepted`.
    connections: { open: accepted.size, ...counts, busy: Math.max(0, accepted.size - known) },
    requests: answering.length + streams.length,
  }
}

/** Returns a number of connections in words: `1 connection`, `2 connections`. */
export function connectionsOf(count: number): string {
  return `${String(count)} connection${count === 1 ? '' : 's'}`
}
