import diagnostics from 'node:diagnostics_channel'
import type http from 'node:http'
import type net from 'node:net'
import type { Stream } from 'node:stream'
import tls from 'node:tls'
import { connectionFacts } from '../migration/connection-facts.js'
import type { Giver } from '../migration/migration.js'
import { acceptedSocketOf } from '../node/internals/connection-handle.js'
import {
  httpServerOf,
  newestRequestOn,
  parserOf,
  responseOn,
} from '../node/internals/http1-connection.js'
import type { DrainOptions } from './drain-options.js'
import { HeldConnections } from './held-connections.js'
import { findBetween, findIdle } from './idle.js'
import { isHttp1, isHttp2 } from './kind.js'
import { lingerAtEnd } from './lingering-close.js'
import type { OpenConnections } from './open-connections.js'
import { ParsingServers } from './parsing-servers.js'
import { Patience } from './patience.js'

// The drain of HTTP/1 connections.

/** Limits the looks at all connections (1 µs for each connection) to this share of the time between two. */
const lookShare = 0.1

/** How many connections are held at a time: each waits until those before it have moved. */
const mostHeld = 32

/** The channel on which Node tells of each request before its server does (diagnostics_channel docs, HTTP). */
const requests = 'http.server.request.start'

/**
 * Ends the HTTP/1 connections of a server that no longer accepts, each without a race: those that itself parses, and
 * those that it has accepted for another server of HTTP. A connection
 * that may move goes to the successor as soon as nothing is under way on it. On any other, the next
 * response says `Connection: close`, and the drain itself closes only connections that have been idle
 * for `idleGraceMs`. A connection that is never idle is stopped: it is no longer read from, so that it can move, or
 * its next request is its last. Returns an undo function, which leaves the servers as they were.
 *
 * See docs/decisions.md, "The drain of HTTP/1 does not poll"
 */
export function drainHttp1(
  server: net.Server,
  connections: OpenConnections,
  { system, idleGraceMs, hammerTimeMs, wayOut }: DrainOptions,
): () => void {
  const patience = new Patience(system, hammerTimeMs)
  const held = new HeldConnections()
  /** Connections whose last response is certain: no further request begins on them. */
  const leaving = new WeakSet<net.Socket>()
  /** Since when each connection has been idle, and what had been read from it by then. */
  const idleSince = new Map<net.Socket, { ms: number; bytesRead: number }>()
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

  /** Whether some may yet begin to speak HTTP. If not, no news is needed, which costs code that V8 has compiled. */
  const isNews = [...connections.accepted].some((socket) => !parserOf(socket))

  /** Whether nothing need be said to the client of a connection: it moves, and soon. */
  const isLeftAlone = (socket: net.Socket): boolean =>
    mayMove(socket) && !wayOut?.mayMove && !patience.isOver && !patience.isOverFor(socket)

  const watch = (message: Stream): void => {
    if (watched.has(message)) return
    watched.add(message)
    message.once('close', queueLook)
  }

  const giver: Giver | undefined = wayOut && {
    facts: (socket) => connectionFacts(server, socket, wayOut.bound),
    mayMove,
    onReturned: queueLook,
    isHeld: (socket) => held.has(socket),
  }

  const hold = (socket: net.Socket): void => {
    if (held.size < mostHeld && patience.isOverFor(socket) && mayMove(socket)) held.hold(socket)
  }

  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const { socket } = request
    idleSince.delete(socket)
    watch(response)
    patience.noteBusy(socket)
    // There may never be a better moment to hold it than after this chunk.
    if (responseOn(socket) !== response && patience.isOverFor(socket)) queueLook()
  }

  /** The servers whose parsers have connections. */
  const parsing = new ParsingServers(connections, {
    isLasting: mayMove,
    mayChange: wayOut?.mayMove !== undefined,
    isFinal: (socket) => patience.isOver || (patience.isOverFor(socket) && !mayMove(socket)),
    onRequest,
    onLast: (socket) => {
      leaving.add(socket)
      lingerAtEnd(socket, system)
    },
  })

  const addServer = (each: http.Server | undefined): void => {
    if (!each) return
    parsing.add(each)
    if (!wayOut || wayOut.mayMove || isNews) parsing.announce(each)
  }

  /** Where each silent connection is idle: on the server that parses it, or on ours if nothing has begun on it. */
  const findSilent = (): { between: Set<net.Socket>; idle: Map<net.Socket, net.Server> } => {
    const between = new Set<net.Socket>()
    const idle = new Map<net.Socket, net.Server>()
    for (const each of parsing.all) {
      const known = findBetween(each)
      for (const socket of known ?? []) between.add(socket)
      for (const socket of findIdle(each, connections.speakingTo(each), known)) {
        idle.set(socket, each)
      }
    }
    // A client that never finishes its handshake must not hold the process until the hammer falls.
    for (const socket of connections.handshaking) idle.set(socket, server)
    return { between, idle }
  }

  /** Since when nothing was read from an idle connection. */
  const silentSince = (socket: net.Socket, now: number): number => {
    const { bytesRead } = acceptedSocketOf(socket)
    const known = idleSince.get(socket)
    if (known?.bytesRead === bytesRead) return known.ms
    idleSince.set(socket, { ms: now, bytesRead })
    return now
  }

  /** Closes connections that are idle, unless a request has come that was not read yet. */
  const closeAfterPoll = (): void => {
    // The first runs before the loop polls, the second after it.
    setImmediate(() =>
      setImmediate(() => {
        if (!isOver) {
          const { idle } = findSilent()
          for (const socket of due) {
            if (!idle.has(socket) || leaving.has(socket)) continue
            const now = system.now()
            if (silentSince(socket, now) === now) {
              queueLook()
              continue
            }
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
    connections.addFromBehind()
    for (const socket of speaking) addServer(httpServerOf(socket))
    const { between, idle } = findSilent()
    held.release(mayMove)
    for (const socket of idleSince.keys()) if (!idle.has(socket)) idleSince.delete(socket)
    let nextMs = Infinity
    for (const [socket, at] of idle) {
      patience.noteIdle(socket)
      // Its client may still be sending what nobody reads: it is closed by `lingerAtEnd`.
      if (leaving.has(socket) || due.has(socket)) continue
      if (wayOut?.migration.has(socket)) continue
      if (giver && mayMove(socket)) {
        wayOut?.migration.offer(socket, giver)
        continue
      }
      const leftMs = silentSince(socket, now) + idleGraceMs(at) - now
      if (leftMs > 0) {
        nextMs = Math.min(nextMs, leftMs)
        continue
      }
      if (due.size === 0) closeAfterPoll()
      due.add(socket)
    }
    for (const socket of speaking) {
      if (wayOut?.migration.has(socket)) continue
      const response = responseOn(socket)
      const request = newestRequestOn(socket)
      // Of the end of half a header, only its request will tell.
      const isMidHeader = !response && request?.complete !== false && !idle.has(socket)
      if (isMidHeader || !isLeftAlone(socket)) parsing.announce(httpServerOf(socket))
      if (response) {
        watch(response)
        patience.noteBusy(socket)
        nextMs = Math.min(nextMs, patience.leftMs(socket))
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

  /** Finds the connections that have got a parser since, and those of servers that no socket leads to. */
  const findSpeaking = (message: unknown): void => {
    const { server: each, socket } = message as { server: http.Server; socket: net.Socket }
    connections.addUnseen(each, [socket])
    if (!connections.speakingTo(each).has(socket) || parsing.has(each)) return
    addServer(each)
    queueLook()
  }

  if (isHttp1(server)) connections.addUnseen(server)
  if (isHttp1(server) || isHttp2(server)) addServer(server as unknown as http.Server)
  if (isNews) diagnostics.subscribe(requests, findSpeaking)
  // A connection may still be accepted, or finish its TLS handshake, after the first look.
  const arrivals =
    server instanceof tls.Server ? ['connection', 'secureConnection'] : ['connection']
  for (const event of arrivals) server.on(event, queueLook)
  look()
  return () => {
    isOver = true
    diagnostics.unsubscribe(requests, findSpeaking)
    parsing.undo()
    clearTimeout(timer)
    held.release(() => false)
    for (const event of arrivals) server.off(event, queueLook)
  }
}
