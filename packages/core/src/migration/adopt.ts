import type http from 'node:http'
import type net from 'node:net'
import { isSendable, socketOf } from '../node/internals/connection-handle.js'
import { parserOf } from '../node/internals/http1-connection.js'
import { acceptConnection } from '../node/internals/listening-handle.js'
import type { RawHandle, RawListener } from '../node/internals/raw-handle.js'
import { shadow } from '../node/shadow.js'
import { isShared } from './http-alone.js'
import { limitSilence, markIdle } from './mark-idle.js'
import type { ConnectionFacts } from './migration.js'

// The successor's half of a migration; migration.ts is the other.

const adopted = new WeakMap<net.Socket, ConnectionFacts>()

/** Returns the predecessor's facts about a connection, until its client sends something. */
export function factsOf(socket: net.Socket): ConnectionFacts | undefined {
  return socket.bytesRead === 0 ? adopted.get(socket) : undefined
}

/**
 * Makes an HTTP server accept a connection of its predecessor exactly as Node accepts a new one: with
 * the server's options, its count and its 'connection' event.
 * See docs/decisions.md, "Adoption goes through Node's `onconnection`"
 *
 * @param listener the handle that the server listens on, or listened on before it began to drain
 * @returns whether HTTP has it; if a layer of the program has taken it instead, it must stay in the predecessor: the
 * layer would read what the client sends next in place of what it has sent first
 */
export function adoptConnection(
  server: http.Server,
  listener: RawListener,
  handle: RawHandle,
  facts: ConnectionFacts,
): boolean {
  const note = (accepted: net.Socket): void => {
    adopted.set(accepted, facts)
  }
  server.prependOnceListener('connection', note)
  // The connection is open already: dropping it would lose it (lib/net.js, onconnection).
  const restore = shadow(server, 'maxConnections', Infinity)
  let isOurs = true
  try {
    acceptConnection(listener, handle)
  } finally {
    restore()
    server.off('connection', note)
    const socket = socketOf(handle)
    // A listener of the application may have refused it, or given it to a child.
    if (socket && !socket.destroyed && isSendable(socket)) {
      isOurs = parserOf(socket) !== undefined && !isShared(socket)
      // Destroys only this process's copy.
      if (!isOurs) socket.destroy()
      else if (!facts.isFresh) becomeIdle(server, socket, facts)
    }
  }
  return isOurs
}

/**
 * Gives an adopted connection the timeout of a connection that has just become idle, until its next
 * request, as Node does (lib/_http_server.js, resetSocketTimeout). To Node the connection is new: an
 * idle client would get a 408 after `headersTimeout`, or could stay for ever.
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
    adopted.delete(socket) // otherwise its 80 bytes would stay as long as the connection
  })
}
