import type http from 'node:http'
import type net from 'node:net'
import type { Stream } from 'node:stream'
import { factsOf } from '../migration/adopt.js'
import { newestRequestOn, responseOn } from '../node/internals.js'
import type { DrainOptions, WayOut } from './drain-options.js'
import { findIdle } from './idle.js'
import { announceLastResponses } from './last-response.js'
import type { OpenConnections } from './open-connections.js'

// The drain of HTTP/1 connections.

/** Limits the looks at all connections (1 µs for each connection) to this share of the time between two. */
const lookShare = 0.1

/**
 * Ends the HTTP/1 connections of a server that no longer accepts, each without a race. A connection
 * that may move goes to the successor as soon as nothing is under way on it. On any other, the next
 * response says `Connection: close`, and the drain itself closes only connections that have been idle
 * for `idleGraceMs`. Returns an undo function, which leaves the server as it was.
 *
 * See docs/decisions.md, "The drain of HTTP/1 does not poll"
 */
export function drainHttp1(
  server: http.Server,
  connections: OpenConnections,
  { system, idleGraceMs, wayOut }: DrainOptions,
): () => void {
  const idleSince = new Map<net.Socket, number>()
  /** Idle connections whose time is up, until the loop has polled once more. */
  const due = new Set<net.Socket>()
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
    // Unreferenced: the drain itself holds the process.
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

  const findSilent = (): Set<net.Socket> => {
    const idle = findIdle(server, connections.speaking)
    // A client that never finishes its handshake must not hold the process until the hammer falls.
    for (const socket of connections.handshaking) idle.add(socket)
    return idle
  }

  /** Closes connections that are idle, unless a request has come that was not read yet. */
  const closeAfterPoll = (): void => {
    // The first runs before the loop polls, the second after it.
    setImmediate(() =>
      setImmediate(() => {
        if (!isOver) {
          const idle = findSilent()
          for (const socket of due) {
            if (idle.has(socket) && !wayOut?.migration.has(socket)) socket.destroy()
          }
        }
        due.clear()
      }),
    )
  }

  const look = (): void => {
    clearTimeout(timer)
    const now = system.now()
    const idle = findSilent()
    for (const socket of idleSince.keys()) if (!idle.has(socket)) idleSince.delete(socket)
    let nextMs = Infinity
    for (const socket of idle) {
      if (due.has(socket) || wayOut?.migration.has(socket)) continue
      if (wayOut && mayMove(socket)) {
        offer(socket, wayOut)
        continue
      }
      const since = idleSince.get(socket) ?? now
      idleSince.set(socket, since)
      const leftMs = since + idleGraceMs - now
      if (leftMs > 0) {
        nextMs = Math.min(nextMs, leftMs)
        continue
      }
      if (due.size === 0) closeAfterPoll()
      due.add(socket)
    }
    for (const socket of connections.speaking) {
      const response = responseOn(socket)
      const request = newestRequestOn(socket)
      if (response) watch(response)
      // The handler has responded without reading the body: the parser is idle when the request ends.
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
  // Other code may call `server.close()` during the drain (a signal handler, Fastify for its second
  // server), and `close` begins with this method (lib/_http_server.js, httpServerPreClose).
  server.closeIdleConnections = () => undefined
  // A connection may still be accepted, or finish its TLS handshake, after the first look.
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
