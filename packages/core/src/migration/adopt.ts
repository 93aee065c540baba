import type http from 'node:http'
import type net from 'node:net'
import { acceptConnection, parserOf, type RawHandle, type RawListener } from '../node/internals.js'
import { shadow } from '../node/shadow.js'
import { limitSilence, markIdle } from './mark-idle.js'
import type { ConnectionFacts } from './migration.js'

// The successor's half of a migration; migrate.ts is the other.

const adopted = new WeakMap<net.Socket, ConnectionFacts>()

/** What the predecessor told of a connection, as long as its client has not sent anything since. */
export function factsOf(socket: net.Socket): ConnectionFacts | undefined {
  return socket.bytesRead === 0 ? adopted.get(socket) : undefined
}

/**
 * Lets an HTTP server accept a connection that its predecessor had, exactly as Node accepts one:
 * with its options, its count and its 'connection' event.
 *
 * @param listener the handle that the server listens on, or listened on before it began to drain
 */
export function adoptConnection(
  server: http.Server,
  listener: RawListener,
  handle: RawHandle,
  facts: ConnectionFacts,
): void {
  let socket: net.Socket | undefined
  server.prependOnceListener('connection', (accepted: net.Socket) => {
    socket = accepted
    adopted.set(accepted, facts)
  })
  // It is connected already: to drop it would be to lose it (lib/net.js, onconnection).
  const restore = shadow(server, 'maxConnections', Infinity)
  try {
    acceptConnection(listener, handle)
  } finally {
    restore()
    if (socket && !facts.isFresh) becomeIdle(server, socket, facts)
  }
}

/**
 * To Node an adopted connection is a new one: its client would get a 408 if it stayed idle for
 * `headersTimeout`, or could stay for ever. It is given the time of one that has just become idle,
 * until its next request, as Node itself does it (lib/_http_server.js, resetSocketTimeout).
 */
function becomeIdle(server: http.Server, socket: net.Socket, facts: ConnectionFacts): void {
  if (!parserOf(socket)) return
  markIdle(socket)
  const { keepAliveTimeout, keepAliveTimeoutBuffer = 1_000 } = server as http.Server & {
    keepAliveTimeoutBuffer?: number
  }
  if (!(keepAliveTimeout > 0)) return
  const idleMs = Math.max(keepAliveTimeout, facts.keepAliveTimeoutMs) + keepAliveTimeoutBuffer
  limitSilence(server, socket, idleMs, () => {
    adopted.delete(socket) // its 80 bytes would stay as long as the connection
  })
}
