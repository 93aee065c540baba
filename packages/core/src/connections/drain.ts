import type http from 'node:http'
import type net from 'node:net'
import type { Stream } from 'node:stream'
import { newestRequestOn, responseOn } from '../internals.js'
import type { System } from '../system.js'
import { findIdle } from './idle.js'
import { announceLastResponses } from './last-response.js'
import type { Connections } from './tracking.js'

/** The longest that a timer of Node waits. */
const maxDelayMs = 2_147_483_647

/**
 * Ends the connections of an HTTP/1 server that accepts no more, each without a race: a client gets
 * its next response with `Connection: close`, and only what has been quiet for `idleGraceMs` is
 * closed. Nothing is polled: it looks again when a response has ended or a connection's time is up.
 * Answers what undoes it: the server is then as it was.
 *
 * Not `http.Server#close`: that closes what is idle at once, where a request may be on its way.
 */
export function drainHttp(
  server: http.Server,
  connections: Connections,
  { system, idleGraceMs }: { system: System; idleGraceMs: number },
): () => void {
  const idleSince = new Map<net.Socket, number>()
  const watched = new WeakSet<Stream>()
  let timer: NodeJS.Timeout | undefined
  let lookQueued = false

  const queueLook = (): void => {
    if (lookQueued) return
    lookQueued = true
    setImmediate(() => {
      lookQueued = false
      look()
    })
  }

  const watch = (message: Stream): void => {
    if (watched.has(message)) return
    watched.add(message)
    message.once('close', queueLook)
  }

  const look = (): void => {
    clearTimeout(timer)
    const now = system.now()
    const idle = findIdle(server, connections.speaking)
    // A client that never ends its handshake must not hold the process until the hammer falls.
    for (const socket of connections.handshaking) idle.add(socket)
    for (const socket of idleSince.keys()) if (!idle.has(socket)) idleSince.delete(socket)
    let nextMs = Infinity
    for (const socket of idle) {
      const since = idleSince.get(socket) ?? now
      idleSince.set(socket, since)
      const leftMs = since + idleGraceMs - now
      if (leftMs <= 0) socket.destroy()
      else nextMs = Math.min(nextMs, leftMs)
    }
    for (const socket of connections.speaking) {
      const response = responseOn(socket)
      const request = newestRequestOn(socket)
      if (response) watch(response)
      // The handler has answered without reading the body: the parser is idle when it has ended.
      else if (request && !request.complete) watch(request)
    }
    // Unreferenced: the sockets that it is for are what is held on to, below.
    if (nextMs < Infinity) timer = system.setTimeout(look, Math.ceil(nextMs)).unref()
  }

  const endAnnouncing = announceLastResponses(server, connections.speaking, (request, response) => {
    idleSince.delete(request.socket)
    watch(response)
  })
  // Somebody else may call `server.close()` meanwhile (a signal handler, Fastify for its second
  // server), which begins with this (lib/_http_server.js, httpServerPreClose).
  server.closeIdleConnections = () => undefined
  // A connection that was accepted or finished its TLS handshake while we stopped is new to us.
  server.on('connection', queueLook)
  server.on('secureConnection', queueLook)
  // A connection whose client is not read from, as nobody reads the body, keeps no event loop alive.
  const hold = setInterval(() => undefined, maxDelayMs)
  look()
  return () => {
    clearInterval(hold)
    endAnnouncing()
    clearTimeout(timer)
    Reflect.deleteProperty(server, 'closeIdleConnections')
    server.off('connection', queueLook)
    server.off('secureConnection', queueLook)
  }
}
