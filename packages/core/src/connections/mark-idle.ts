import type net from 'node:net'
import { parserOf } from '../internals.js'

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
