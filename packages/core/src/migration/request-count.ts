import type http from 'node:http'
import type net from 'node:net'
import { wrapRequests } from '../node/internals/http1-connection.js'
import { shadow } from '../node/shadow.js'
import { factsOf } from './adopt.js'

// Makes `maxRequestsPerSocket` count on when a connection moves. Node keeps its own count where nobody can read or
// set it (lib/_http_server.js, connectionListenerInternal).
// See docs/decisions.md, "The count of `maxRequestsPerSocket` moves along"

const counts = new WeakMap<net.Socket, number>()

/** Returns how many requests have come on a connection, in all processes; 0 if its server did not limit them. */
export function requestsOn(socket: net.Socket): number {
  return counts.get(socket) ?? 0
}

/** Counts the requests of each connection of a server, if it limits them when the connection comes. */
export function countRequests(server: http.Server): void {
  // After Node's own listener, which gives the connection its parser.
  server.on('connection', (socket) => {
    if (!((server.maxRequestsPerSocket ?? 0) > 0)) return
    const before = factsOf(socket)?.requests ?? 0
    counts.set(socket, before)
    wrapRequests(socket, (dispatch) => {
      counts.set(socket, requestsOn(socket) + 1)
      return before > 0 ? dispatchWithLimit(server, before, dispatch) : dispatch()
    })
  })
}

/** Dispatches a request with a limit from which the requests of earlier processes are subtracted. */
function dispatchWithLimit(server: http.Server, before: number, dispatch: () => unknown): unknown {
  const limit = server.maxRequestsPerSocket ?? 0
  if (!(limit > 0)) return dispatch()
  let isRestored = false
  const restore = (): void => {
    if (isRestored) return
    isRestored = true
    restoreEmit()
    restoreLimit()
  }
  // Not 0, which is no limit.
  const restoreLimit = shadow(server, 'maxRequestsPerSocket', Math.max(limit - before, 0.5))
  // The application, which Node calls next, must see the limit that it has set, and may change it.
  const restoreEmit = shadow(server, 'emit', (event: string, ...args: unknown[]) => {
    restore()
    return server.emit(event, ...args)
  })
  try {
    return dispatch()
  } finally {
    restore()
  }
}
