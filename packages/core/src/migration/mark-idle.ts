import type http from 'node:http'
import type net from 'node:net'
import { parserOf } from '../node/internals.js'
import { longestDelayMs } from '../node/system.js'

const request = Buffer.from('GET / HTTP/1.1\r\n\r\n')

/**
 * Brings the parser of a connection from which nothing has been read to where it is between two
 * messages, by showing it a request that nobody sees. Node holds a new connection to `headersTimeout`
 * (src/node_http_parser.cc, Parser::Initialize), and would answer 408 to a client that has every right
 * to be silent; one between two messages is held to nothing but its socket's timeout.
 */
export function markIdle(socket: net.Socket): void {
  const parser = parserOf(socket)
  if (!parser?.execute) return
  const { onIncoming, socket: owner } = parser
  // Without a socket nothing of Node's or of the application's comes into play (lib/_http_common.js).
  parser.socket = null
  parser.onIncoming = () => 0
  parser.execute(request)
  parser.onIncoming = onIncoming
  parser.socket = owner
  parser.incoming = null
}

/**
 * Closes a connection whose client stays silent for so long; its next request puts the server's own
 * timeout back, as Node does it (lib/_http_server.js, resetSocketTimeout).
 */
export function limitSilence(
  server: http.Server,
  socket: net.Socket,
  limitMs: number,
  onRequest: () => void = () => undefined,
): void {
  socket.setTimeout(Math.min(limitMs, longestDelayMs))
  const parser = parserOf(socket)
  if (!parser?.onIncoming) return
  const { onIncoming } = parser
  parser.onIncoming = (...args) => {
    parser.onIncoming = onIncoming
    onRequest()
    socket.setTimeout(server.timeout)
    return onIncoming(...args)
  }
}
