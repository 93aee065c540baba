import type http from 'node:http'
import type net from 'node:net'
import { betweenMessages, parserOf, responseOn } from '../node/internals.js'

/**
 * Finds the connections that are between two requests, or have not sent a byte.
 *
 * Whether a **parser** is between two messages only Node knows: no property of a socket tells half a
 * pipelined header from none.
 */
export function findIdle(server: http.Server, speaking: Iterable<net.Socket>): Set<net.Socket> {
  const idle = new Set(betweenMessages(server))
  for (const socket of speaking) {
    // Before Node 26 one without a byte counts as busy, against clients that connect and stay silent.
    // What was adopted after it had left HTTP has no parser.
    if (socket.bytesRead === 0 && parserOf(socket)) idle.add(socket)
  }
  for (const socket of idle) {
    // A parser is done with a request when it has been read; its response may be under way.
    if (socket.destroyed || responseOn(socket)) idle.delete(socket)
  }
  return idle
}
