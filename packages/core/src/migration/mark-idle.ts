import type http from 'node:http'
import type net from 'node:net'
import { onNextRequest, parseUnseen } from '../node/internals/http1-connection.js'
import { longestDelayMs } from '../node/system.js'

// Treats a connection as idle, in Node's parser and in its timeouts.

const request = Buffer.from('GET / HTTP/1.1\r\n\r\n')

/**
 * Puts the parser of a connection that has not read anything into its state between two messages, by
 * a request that nothing else sees. Node holds a new connection to `headersTimeout`
 * (src/node_http_parser.cc, Parser::Initialize), and would send 408 to a client that has every right
 * to be silent; between two messages, only the socket's timeout applies.
 *
 * See docs/decisions.md, "An adopted parser gets one hidden request"
 */
export function markIdle(socket: net.Socket): void {
  parseUnseen(socket, request)
}

/**
 * Closes a connection whose client stays silent for `limitMs`. Its next request restores the server's
 * own timeout, as in Node (lib/_http_server.js, resetSocketTimeout), and calls `onRequest`.
 */
export function limitSilence(
  server: http.Server,
  socket: net.Socket,
  limitMs: number,
  onRequest: () => void = () => undefined,
): void {
  socket.setTimeout(Math.min(limitMs, longestDelayMs))
  onNextRequest(socket, () => {
    onRequest()
    socket.setTimeout(server.timeout)
  })
}
