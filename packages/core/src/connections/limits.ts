import type http from 'node:http'
import type { ServerOptions } from '../api/options.js'
import { checkConnectionsEvery, limitHeader } from '../node/internals/server.js'
import type { System } from '../node/system.js'

/** The limits of one server; where a limit is undefined, Node's own applies. */
export type Limits = {
  [name in 'readTimeoutMs' | 'writeTimeoutMs' | 'maxHeaderBytes']?: ServerOptions[name] | undefined
}

/** Applies the given limits to a server. */
export function applyLimits(
  server: http.Server,
  { readTimeoutMs, writeTimeoutMs, maxHeaderBytes }: Limits,
  system: System,
): void {
  if (maxHeaderBytes !== undefined) limitHeader(server, maxHeaderBytes)
  if (readTimeoutMs !== undefined) {
    server.requestTimeout = readTimeoutMs
    if (readTimeoutMs > 0) {
      server.headersTimeout = Math.min(server.headersTimeout || readTimeoutMs, readTimeoutMs)
      // Node checks every 30 s by default: a limit of 1 s could take effect only after 31 s.
      checkConnectionsEvery(server, Math.max(50, readTimeoutMs / 4))
    }
  }
  if (writeTimeoutMs !== undefined && writeTimeoutMs > 0) {
    limitResponses(server, writeTimeoutMs, system)
  }
}

/**
 * Destroys a connection whose response takes longer than `writeTimeoutMs`. Node has no limit for a
 * whole response: `server.timeout` starts anew with each byte.
 */
function limitResponses(server: http.Server, writeTimeoutMs: number, system: System): void {
  const limit = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    // Unreferenced: the connection keeps the process alive.
    const timer = system
      .setTimeout(() => {
        request.socket.destroy()
      }, writeTimeoutMs)
      .unref()
    response.once('close', () => {
      clearTimeout(timer)
    })
  }
  server.prependListener('request', limit)
  // Node responds to `Expect` itself while these events have no listener. So `limit` is added only
  // beside a listener of the application.
  for (const event of ['checkContinue', 'checkExpectation'] as const) {
    const join = (added: string | symbol): void => {
      if (added !== event) return
      server.off('newListener', join)
      server.prependListener(event, limit)
    }
    if (server.listenerCount(event) > 0) server.prependListener(event, limit)
    else server.on('newListener', join)
  }
}
