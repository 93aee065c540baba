import type http from 'node:http'
import type net from 'node:net'
import type { Stream } from 'node:stream'
import { factsOf } from '../migration/adopt.js'
import { requestsOn } from '../migration/request-count.js'
import { betweenMessages, newestRequestOn, responseOn } from '../node/internals/http1-connection.js'
import type { DrainOptions, WayOut } from './drain-options.js'
import { HeldConnections } from './held-connections.js'
import { findIdle } from './idle.js'
import { announceLastResponses } from './last-response.js'
import { lingerAtEnd } from './lingering-close.js'
import type { OpenConnections } from './open-connections.js'
import { Patience } from './patience.js'

// The drain of HTTP/1 connections.

/** Limits the looks at all connections (1 µs for each connection) to this share of the time between two. */
const lookShare = 0.1

/** How many connections are held at a time: each waits until those before it have moved. */
const mostHeld = 32

/**
 * Ends the HTTP/1 connections of a server that no longer accepts, each without a race. A connection
 * that may move goes to the successor as soon as nothing is under way on it. On any other, the next
 * response says `Connection: close`, and the drain itself closes only connections that have been idle
 * for `idleGraceMs`. A connection that is never idle is stopped: it is no longer read from, so that it can move, or
 * its next request is its last. Returns an undo function, which leaves the server as it was.
 *
 * See docs/decisions.md, "The drain of HTTP/1 does not poll"
 */
export function drainHttp1(
  server: http.Server,
  connections: OpenConnections,
  { system, idleGraceMs, hammerTimeMs, wayOut }: DrainOptions,
): () => void {
  const patience = new Patience(system, hammerTimeMs)
  const held = new HeldConnections()
  /** Connections whose last response is certain: no further request begins on them. */
  const leaving = new WeakSet<net.Socket>()
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
    !leaving.has(socket) &&
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
    const requests = requestsOn(socket)
    const facts = {
      bound,
      ...(requests > 0 && { requests }),
      isFresh,
      keepAliveTimeoutMs: isFresh ? 0 : Math.max(server.keepAliveTimeout, keepAliveTimeoutMs),
    }
    migration.offer(socket, facts, queueLook, { isHeld: held.has(socket) })
  }

  const hold = (socket: net.Socket): void => {
    if (held.size < mostHeld && patience.isOverFor(socket) && mayMove(socket)) held.hold(socket)
  }

  const findSilent = (between: ReadonlySet<net.Socket>): Set<net.Socket> => {
    const idle = findIdle(server, connections.speaking, between)
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
          const idle = findSilent(new Set(betweenMessages(server)))
          for (const socket of due) {
            if (!idle.has(socket) || leaving.has(socket)) continue
            if (!wayOut?.migration.has(socket)) socket.destroy()
          }
        }
        due.clear()
      }),
    )
  }

  const look = (): void => {
    clearTimeout(timer)
    const now = system.now()
    const { speaking } = connections
    const between = new Set(betweenMessages(server))
    const idle = findSilent(between)
    held.release(mayMove)
    for (const socket of idleSince.keys()) if (!idle.has(socket)) idleSince.delete(socket)
    let nextMs = Infinity
    for (const socket of idle) {
      patience.noteIdle(socket)
      // Its client may still be sending what nobody reads: it is closed by `lingerAtEnd`.
      if (leaving.has(socket) || due.has(socket)) continue
      if (wayOut?.migration.has(socket)) continue
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
    for (const socket of speaking) {
      const response = responseOn(socket)
      const request = newestRequestOn(socket)
      if (response) {
        watch(response)
        patience.noteBusy(socket)
        // Not if it waits for one response alone: the end of a client would not be noticed, and it will be idle.
        const isPipelined = request !== undefined && request !== response.req
        if (isPipelined && between.has(socket)) hold(socket)
      }
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
    isFinal: (socket) => patience.isOver || (patience.isOverFor(socket) && !mayMove(socket)),
    onRequest: (request, response) => {
      const { socket } = request
      wayOut?.migration.noteRequest(socket)
      idleSince.delete(socket)
      watch(response)
      patience.noteBusy(socket)
      // There may never be a better moment to hold it than after this chunk.
      if (responseOn(socket) !== response && patience.isOverFor(socket)) queueLook()
    },
    onLast: (socket) => {
      leaving.add(socket)
      lingerAtEnd(socket, system)
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
    held.release(() => false)
    Reflect.deleteProperty(server, 'closeIdleConnections')
    server.off('connection', queueLook)
    server.off('secureConnection', queueLook)
  }
}
