import type http from 'node:http'
import type net from 'node:net'
import {
  betweenMessages,
  isDetached,
  newestRequestOn,
  responseOn,
} from '../node/internals/http1-connection.js'
import type { Connections } from './open-connections.js'

/**
 * Finds the connections that are between two requests, or have not sent a byte.
 *
 * Asks Node's parsers: no property of a socket distinguishes half a pipelined header from none. For a server that
 * has never listened Node does not know it either: a client that has sent half a header and then nothing more counts
 * as idle there.
 * See docs/decisions.md, "Idle is what Node's parsers report"
 *
 * @param speaking connections of that server
 * @param between the connections of that server whose parser is between two messages, if Node knows
 */
export function findIdle(
  server: http.Server,
  speaking: Connections,
  between: ReadonlySet<net.Socket> | undefined = findBetween(server),
): Set<net.Socket> {
  const idle = new Set<net.Socket>()
  for (const socket of speaking) {
    // Before Node 26, Node counts a connection without a byte as busy, because of clients that connect
    // and stay silent.
    const isIdle = between
      ? between.has(socket) || socket.bytesRead === 0
      : newestRequestOn(socket)?.complete !== false
    // A parser is done with a request once it is read; the response may still be under way.
    if (isIdle && !socket.destroyed && !responseOn(socket) && !isDetached(socket)) idle.add(socket)
  }
  return idle
}

/** The connections of a server whose parser is between two messages; `undefined` if Node does not know. */
export function findBetween(server: http.Server): Set<net.Socket> | undefined {
  const between = betweenMessages(server)
  return between && new Set(between)
}
