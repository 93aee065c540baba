import http from 'node:http'
import type net from 'node:net'
import {
  dropRequests,
  hearMessagesBegin,
  newestRequestOn,
  responseOn,
} from '../node/internals/http1-connection.js'
import {
  type GivenHeaders,
  isLastResponse,
  keepConnectionHeader,
  shadowStoreHeader,
} from '../node/internals/response.js'
import { shadow } from '../node/shadow.js'
import { findBetween } from './idle.js'
import type { Connections } from './open-connections.js'

// Puts `Connection: close` on the last response of a connection, so that the client sends its next
// request elsewhere instead of into a socket that is being closed. What comes all the same is dropped
// (RFC 9112, section 9.6).

/** The events that pass a request and its response to the application. */
const requestEvents: ReadonlySet<unknown> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
])

/** Options of {@link announceLastResponses}. */
export interface LastResponseOptions {
  /** Whether a connection lives on, so that none of its responses is the last. */
  isLasting: Announcement['isLasting']
  /** Whether `isLasting` may change between a request and the header of its response. */
  mayChange?: boolean
  /** Whether the request that has just arrived must be the last of its connection, whatever comes behind it. */
  isFinal?: (socket: net.Socket) => boolean
  /** Called for each request that arrives during the drain. */
  onRequest: (request: http.IncomingMessage, response: http.ServerResponse) => void
  /** Called once for a connection, when no further request will begin on it: it closes after a response. */
  onLast?: (socket: net.Socket) => void
}

interface Announcement {
  /** Lets no further request begin on a connection. */
  end: (socket: net.Socket) => void
  isLasting: (socket: net.Socket) => boolean
  /** For each watched connection, whether a request has begun and its header is still incomplete. */
  isMidHeader: WeakMap<net.Socket, boolean>
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean

/** The announcements that watch connections: at most one for each server that drains. */
const announced = new Set<Announcement>()
let endShadow: () => void = () => undefined

/**
 * Puts `Connection: close` on the last response of each connection from now on. Returns an undo
 * function. A server that does not drain pays nothing for this, nor does a server whose connections
 * all live on.
 *
 * See docs/decisions.md, "`http.ServerResponse` is left alone while every connection moves"
 */
export function announceLastResponses(
  server: http.Server,
  speaking: Connections,
  {
    isLasting,
    mayChange = false,
    isFinal = () => false,
    onRequest,
    onLast = () => undefined,
  }: LastResponseOptions,
): () => void {
  const isMidHeader = new WeakMap<net.Socket, boolean>()
  const ended = new WeakSet<net.Socket>()
  const end = (socket: net.Socket): void => {
    if (ended.has(socket)) return
    ended.add(socket)
    dropRequests(socket)
    onLast(socket)
  }
  const announcement = { isLasting, isMidHeader, end }
  let isOver = false
  const watch = (socket: net.Socket, isNowMidHeader: boolean): void => {
    if (announced.size === 0) {
      const prototype = http.ServerResponse.prototype as http.ServerResponse
      endShadow = shadowStoreHeader(prototype, decideHeader, endIfLast)
    }
    announced.add(announcement)
    isMidHeader.set(socket, isNowMidHeader)
    hearMessagesBegin(socket, () => {
      isMidHeader.set(socket, true)
    })
  }
  const idle = findBetween(server)
  for (const socket of speaking) {
    const response = responseOn(socket)
    if (!response || (isLasting(socket) && !mayChange)) continue // watched from its next request on
    if (isLastResponse(response)) end(socket)
    watch(socket, !idle?.has(socket) && newestRequestOn(socket)?.complete !== false)
  }
  const emit = server.emit.bind(server) as Emit
  const late = new LateDispatch()
  const restore = shadow(server, 'emit', (event: string | symbol, ...args: unknown[]): boolean => {
    // Code that has kept this `emit` may still call it after the undo.
    if (isOver || !requestEvents.has(event)) return emit(event, ...args)
    const [request, response] = args as [http.IncomingMessage, http.ServerResponse]
    // An HTTP/2 request, on a server that speaks both.
    if (!speaking.has(request.socket)) return emit(event, ...args)
    onRequest(request, response)
    const isNewest = newestRequestOn(request.socket) === request
    if (isNewest && !response.headersSent && isFinal(request.socket)) {
      // On the response itself, and so also if the drain is broken off before its header is written.
      shadowStoreHeader(response, sayClose)
      end(request.socket)
    }
    const lasts = isLasting(request.socket)
    // A complete request is emitted for the second time, as by a handler of 'checkContinue': its
    // connection is watched already, and watching anew would forget a request that has begun since.
    if ((!lasts || mayChange) && !request.complete) watch(request.socket, false)
    if (lasts) return emit(event, ...args)
    // The parser calls this in the middle of a chunk. If the handler responded right here, its response
    // would count as the last, and pipelined requests later in the chunk would be dropped. After the
    // poll phase the whole chunk has been read, and a second TLS record too.
    late.dispatch(request.socket, () => {
      emit(event, ...args)
    })
    return true
  })
  return () => {
    isOver = true
    if (announced.delete(announcement) && announced.size === 0) endShadow()
    for (const socket of speaking) hearMessagesBegin(socket, null)
    restore()
  }
}

/**
 * Makes a response say `Connection: close` if it is the last of its connection; returns the headers to
 * write. Every response passes here, even if it waits behind another or its `writeHead` is wrapped.
 *
 * See docs/decisions.md, "`Connection: close` is decided when the header is written"
 */
function decideHeader(response: http.ServerResponse, headers: GivenHeaders): GivenHeaders {
  const { socket } = response.req
  const announcement = [...announced].find(({ isMidHeader }) => isMidHeader.has(socket))
  // A connection that lived on when the request came is not watched: its next response is the last.
  if (!announcement || announcement.isLasting(socket)) return headers
  if (announcement.isMidHeader.get(socket) || !isLastOfConnection(response)) return headers
  return sayClose(response, headers)
}

/**
 * Lets no request begin behind a response that has said `Connection: close`, for whatever reason.
 * See docs/decisions.md, "No request begins after `Connection: close`"
 */
function endIfLast(response: http.ServerResponse): void {
  if (!isLastResponse(response)) return
  const { socket } = response.req
  for (const { isMidHeader, end } of announced) if (isMidHeader.has(socket)) end(socket)
}

/** Makes a response say `Connection: close`; returns the headers to write. */
function sayClose(response: http.ServerResponse, headers: GivenHeaders): GivenHeaders {
  response.shouldKeepAlive = false
  keepConnectionHeader(response)
  // A `Connection` header of the application would overrule `shouldKeepAlive`.
  if (!response.hasHeader('connection')) return withoutConnection(headers)
  response.setHeader('Connection', 'close')
  return headers
}

/**
 * Whether no later request has been read from the connection. Also false while the body is incomplete:
 * closing with unread bytes resets the connection, and the response is lost on its way.
 */
function isLastOfConnection(response: http.ServerResponse): boolean {
  const { req: request } = response
  return request.complete && newestRequestOn(request.socket) === request
}

/** Removes `Connection` from the headers of a `writeHead`: an object, pairs, or a flat list. */
function withoutConnection(headers: GivenHeaders): GivenHeaders {
  const isConnection = (name: unknown): boolean => String(name).toLowerCase() === 'connection'
  if (Array.isArray(headers)) {
    const list: unknown[] = headers
    if (Array.isArray(list[0])) {
      return (list as unknown[][]).filter(([name]) => !isConnection(name))
    }
    return list.filter((_, index) => !isConnection(list[index - (index % 2)]))
  }
  // Headers without it are returned as they are: Node knows its own table of headers by identity.
  if (!headers || !Object.keys(headers).some(isConnection)) return headers
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isConnection(name)))
}

/**
 * Dispatches requests one turn late, or right before the application would hear of the client's end.
 * See docs/decisions.md, "A request is dispatched one turn late"
 */
class LateDispatch {
  readonly #waiting = new Map<net.Socket, (() => void)[]>()

  dispatch(socket: net.Socket, request: () => void): void {
    const known = this.#waiting.get(socket)
    const requests = known ?? []
    requests.push(request)
    if (!known) this.#await(socket, requests)
    // Each in a turn of its own: a handler that throws does not hold back the others.
    setImmediate(() => requests.shift()?.())
  }

  #await(socket: net.Socket, requests: (() => void)[]): void {
    this.#waiting.set(socket, requests)
    const leaves = (): void => {
      while (requests.length > 0) requests.shift()?.()
    }
    // Before Node's own listeners, which abort the requests (lib/_http_server.js, abortIncoming).
    socket.prependListener('end', leaves)
    socket.prependListener('close', leaves)
    setImmediate(() => {
      this.#waiting.delete(socket)
      socket.off('end', leaves)
      socket.off('close', leaves)
    })
  }
}
