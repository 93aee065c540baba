import type http from 'node:http'
import type net from 'node:net'
import type { Stream } from 'node:stream'
import { factsOf } from '../migration/adopt.js'
import { newestRequestOn, responseOn } from '../node/internals.js'
import type { DrainOptions, WayOut } from './drain-options.js'
import { findIdle } from './idle.js'
import { announceLastResponses } from './last-response.js'
import type { OpenConnections } from './open-connections.js'

/** A look at all connections takes 1 µs for each: of the time between two, at most this part. */
const lookShare = 0.1

/**
 * Ends the HTTP/1 connections of a server that accepts no more, each without a race. One that may
 * move goes to the successor as soon as nothing is under way on it. Of the others a client gets its
 * next response with `Connection: close`, and only what has been quiet for `idleGraceMs` is closed.
 * Nothing is polled: it looks again when a response has ended or a connection's time is up.
 * Answers what undoes it: the server is then as it was.
 *
 * Not `http.Server#close`: that closes what is idle at once, where a request may be on its way.
 */
export function drainHttp1(
  server: http.Server,
  connections: OpenConnections,
  { system, idleGraceMs, wayOut }: DrainOptions,
): () => void {
  const idleSince = new Map<net.Socket, number>()
  const watched = new WeakSet<Stream>()
  let timer: NodeJS.Timeout | undefined
  let isLookQueued = false
  let isOver = false
  let restedUntilMs = -Infinity

  const mayMove = (socket: net.Socket): boolean =>
    wayOut !== undefined &&
    wayOut.migration.takes(socket, wayOut.bound) &&
    (wayOut.mayMove?.(socket) ?? true)

  const queueLook = (): void => {
    if (isLookQueued) return
    isLookQueued = true
    const restMs = restedUntilMs - system.now()
    // Unreferenced: as below.
    if (restMs > 1) system.setTimeout(queuedLook, Math.ceil(restMs)).unref()
    else setImmediate(queuedLook)
  }

  const queuedLook = (): void => {
    isLookQueued = false
    if (!isOver) look()
  }

  const watch = (message: Stream): void => {
    if (watched.has(message)) return
    watched.add(message)
    message.once('close', queueLook)
  }

  const offer = (socket: net.Socket, { migration, bound }: WayOut): void => {
    const { isFresh, keepAliveTimeoutMs } = factsOf(socket) ?? {
      isFresh: socket.bytesRead === 0,
      keepAliveTimeoutMs: 0,
    }
    const facts = {
      bound,
      isFresh,
      keepAliveTimeoutMs: isFresh ? 0 : Math.max(server.keepAliveTimeout, keepAliveTimeoutMs),
    }
    migration.offer(socket, facts, queueLook)
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
      if (wayOut?.migration.has(socket)) continue
      if (wayOut && mayMove(socket)) {
        offer(socket, wayOut)
        continue
      }
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
    const endedMs = system.now()
    restedUntilMs = endedMs + (endedMs - now) / lookShare
    // Unreferenced: the drain itself holds the process.
    if (nextMs < Infinity) timer = system.setTimeout(look, Math.ceil(nextMs)).unref()
  }

  const endAnnouncing = announceLastResponses(server, connections.speaking, {
    isLasting: mayMove,
    mayChange: wayOut?.mayMove !== undefined,
    onRequest: (request, response) => {
      wayOut?.migration.noteRequest(request.socket)
      idleSince.delete(request.socket)
      watch(response)
    },
  })
  // Somebody else may call `server.close()` meanwhile (a signal handler, Fastify for its second
  // server), which begins with this (lib/_http_server.js, httpServerPreClose).
  server.closeIdleConnections = () => undefined
  // A connection that was accepted or finished its TLS handshake while we stopped is new to us.
  server.on('connection', queueLook)
  server.on('secureConnection', queueLook)
  look()
  return () => {
    isOver = true
    endAnnouncing()
    clearTimeout(timer)
    Reflect.deleteProperty(server, 'closeIdleConnections')
    server.off('connection', queueLook)
    server.off('secureConnection', queueLook)
  }
}
