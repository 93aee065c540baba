import type http from 'node:http'
import type net from 'node:net'
import {
  betweenMessages,
  isDetached,
  parserOf,
  responseOn,
} from '../node/internals/http1-connection.js'

/**
 * Finds the connections that are between two requests, or have not sent a byte.
 *
 * Asks Node's parsers: no property of a socket distinguishes half a pipelined header from none.
 * See docs/decisions.md, "Idle is what Node's parsers report"
 *
 * @param between the connections whose parser is between two messages
 */
export function findIdle(
  server: http.Server,
  speaking: Iterable<net.Socket>,
  between: ReadonlySet<net.Socket> = new Set(betweenMessages(server)),
): Set<net.Socket> {
  const idle = new Set(between)
  for (const socket of speaking) {
    // Before Node 26, Node counts a connection without a byte as busy, because of clients that connect
    // and stay silent. A connection that was adopted after it had left HTTP has no parser.
    if (socket.bytesRead === 0 && parserOf(socket)) idle.add(socket)
  }
  for (const socket of idle) {
    // A parser is done with a request once it is read; the response may still be under way.
    if (socket.destroyed || responseOn(socket) || isDetached(socket)) idle.delete(socket)
  }
  return idle
}
