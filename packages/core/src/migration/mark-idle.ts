import type http from 'node:http'
import type net from 'node:net'
import { onNextRequest, parseUnseen } from '../node/internals.js'
import { longestDelayMs } from '../node/system.js'

const request = Buffer.from('GET / HTTP/1.1\r\n\r\n')

/**
 * Brings the parser of a connection from which nothing has been read to where it is between two
 * messages, by showing it a request that nobody sees. Node holds a new connection to `headersTimeout`
 * (src/node_http_parser.cc, Parser::Initialize), and would answer 408 to a client that has every right
 * to be silent; one between two messages is held to nothing but its socket's timeout.
 */
export function markIdle(socket: net.Socket): void {
  parseUnseen(socket, request)
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
  onNextRequest(socket, () => {
    onRequest()
    socket.setTimeout(server.timeout)
  })
}
