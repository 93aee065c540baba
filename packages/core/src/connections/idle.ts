import http from 'node:http'
import net from 'node:net'
import { parserOf, responseOn } from '../internals.js'
import { shadow } from './shadow.js'

/**
 * Finds the connections that are between two requests, or have not sent a byte.
 *
 * Whether a **parser** is between two messages only Node knows: no property of a socket tells half a
 * pipelined header from none. `closeIdleConnections()` goes by the parsers (src/node_http_parser.cc,
 * ConnectionsList), so this calls it with `destroy` out of the way, and takes down the names.
 */
export function findIdle(server: http.Server, speaking: Iterable<net.Socket>): Set<net.Socket> {
  const idle = new Set<net.Socket>()
  const restores: (() => void)[] = []
  function collect(this: net.Socket): net.Socket {
    idle.add(this)
    return this
  }
  // On the prototype, as an own property on each of thousands of sockets would cost each its shape.
  restores.push(shadow(net.Socket.prototype, 'destroy', collect))
  try {
    for (const socket of speaking) {
      // A `destroy` in front of the prototype's: a wrapped socket, or a stream that is no socket.
      if (socket.destroy !== collect) restores.push(shadow(socket, 'destroy', collect))
    }
    http.Server.prototype.closeIdleConnections.call(server)
  } finally {
    for (const restore of restores.reverse()) restore()
  }
  for (const socket of speaking) {
    // Node counts a connection without a byte as busy, against clients that connect and stay silent.
    // What was adopted after it had left HTTP has no parser.
    if (socket.bytesRead === 0 && parserOf(socket)) idle.add(socket)
  }
  for (const socket of idle) {
    // Node counts a response as done when the application has ended it; a slow reader may not have it.
    if (socket.destroyed || responseOn(socket)) idle.delete(socket)
  }
  return idle
}
