import http from 'node:http'
import { handler, port } from './handler.mjs'

// The program for Watt, which asks for a `close`.
const server = http.createServer(handler).listen(port, '127.0.0.1')

export function close() {
  return new Promise((resolve) => server.close(resolve))
}
