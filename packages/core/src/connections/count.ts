import type http from 'node:http'
import type net from 'node:net'
import { openStreamsOf, responseOn } from '../node/internals.js'
import { findIdle } from './idle.js'
import { isHttp1, isHttp2 } from './kind.js'
import type { Connections } from './open-connections.js'

/** The open connections of a server, each counted once: `{ open: 4, idle: 2, busy: 1, upgraded: 1, … }`. */
export interface ConnectionCounts {
  /** All of them: the sum of the others. */
  open: number
  /** HTTP/1, between two requests or before the first. */
  idle: number
  /** HTTP/1, with a request or a response under way. */
  busy: number
  /** WebSockets and tunnels; of a `node:net` or `node:tls` server all. */
  upgraded: number
  /** Sessions of HTTP/2. */
  http2: number
  /** TLS handshakes that have not ended. */
  handshaking: number
}

/** Looks at all connections of a server: 1 µs for each, and only when somebody asks. */
export function countConnections(
  server: net.Server,
  { accepted, speaking, sessions, handshaking, upgraded }: Connections,
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
    // What is closing may still be counted as something, and as open no more.
    connections: { open: accepted.size, ...counts, busy: Math.max(0, accepted.size - known) },
    requests: answering.length + streams.length,
  }
}
