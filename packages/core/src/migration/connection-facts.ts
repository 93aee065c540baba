import type http from 'node:http'
import type net from 'node:net'
import { factsOf } from './adopt.js'
import type { ConnectionFacts } from './migration.js'
import { requestsOn } from './request-count.js'

/**
 * Returns what another process needs to know of a connection.
 *
 * @param bound the address by which both processes know the server: `127.0.0.1:3000`
 */
export function connectionFacts(
  server: net.Server,
  socket: net.Socket,
  bound: string,
): ConnectionFacts {
  const { isFresh, keepAliveTimeoutMs } = factsOf(socket) ?? {
    isFresh: socket.bytesRead === 0,
    keepAliveTimeoutMs: 0,
  }
  const { keepAliveTimeout = 0 } = server as Partial<http.Server>
  const count = requestsOn(socket)
  return {
    bound,
    ...(count > 0 && { requests: count }),
    isFresh,
    keepAliveTimeoutMs: isFresh ? 0 : Math.max(keepAliveTimeout, keepAliveTimeoutMs),
  }
}
