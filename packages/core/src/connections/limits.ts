import type http from 'node:http'
import type { ServerOptions } from '../api/options.js'
import { checkConnectionsEvery, limitHeader } from '../node/internals.js'
import type { System } from '../node/system.js'

/** Options of these names, each of which may be left open. */
export type Limits = {
  [name in 'readTimeoutMs' | 'writeTimeoutMs' | 'maxHeaderBytes']?: ServerOptions[name] | undefined
}

/** Holds a server to the limits that are set; for the others Node's own stay. */
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
      // Node looks every 30 s by default: a limit of one second would be one of 31.
      checkConnectionsEvery(server, Math.max(50, readTimeoutMs / 4))
    }
  }
  if (writeTimeoutMs !== undefined && writeTimeoutMs > 0) {
    limitResponses(server, writeTimeoutMs, system)
  }
}

/** Node has no limit for a whole response: `server.timeout` starts anew with each byte. */
function limitResponses(server: http.Server, writeTimeoutMs: number, system: System): void {
  const limit = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    // Unreferenced: the connection is what keeps the process alive.
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
  // Node answers `Expect` itself while nobody listens for these: ours come only beside the application's.
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
