import type http from 'node:http'
import type net from 'node:net'
import {
  betweenMessages,
  type GivenHeaders,
  hearMessagesBegin,
  keepConnectionHeader,
  newestRequestOn,
  responseOn,
  shadowStoreHeader,
} from '../node/internals.js'
import { shadow } from '../node/shadow.js'

// How a client learns that its connection ends: `Connection: close` on a response, so that it sends
// its next request elsewhere instead of into a socket that is being closed (RFC 9112, section 9.6).

/** The events that bring a request and its response to the application. */
const requestEvents: ReadonlySet<unknown> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
])

/** What tells the last response of a connection from the others. */
export interface LastResponseOptions {
  /** Whether a connection goes on living: then none of its responses is the last. */
  isLasting: Announcement['isLasting']
  /** Whether that may be otherwise when the header is made than when the request came. */
  mayChange?: boolean
  /** Called for each request that arrives meanwhile. */
  onRequest: (request: http.IncomingMessage, response: http.ServerResponse) => void
}

interface Announcement {
  isLasting: (socket: net.Socket) => boolean
  /** Of those that are watched, whether a request has begun whose header has not come whole. */
  isMidHeader: WeakMap<net.Socket, boolean>
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean

/** The connections whose last response has to say so, for each server that drains. */
const announced = new Set<Announcement>()
let endShadow: () => void = () => undefined

/**
 * From now on says `Connection: close` on what is the last response of its connection. Nothing of
 * this exists before a drain begins: a server that does not drain pays nothing. Nor does one whose
 * connections all live on: V8 throws away what it has compiled of `http.ServerResponse` when that
 * changes, and a process that is on its way out would compile it all again, in the middle of its work.
 *
 * @returns what undoes it
 */
export function announceLastResponses(
  server: http.Server,
  speaking: ReadonlySet<net.Socket>,
  { isLasting, mayChange = false, onRequest }: LastResponseOptions,
): () => void {
  const isMidHeader = new WeakMap<net.Socket, boolean>()
  const announcement = { isLasting, isMidHeader }
  let isOver = false
  const watch = (socket: net.Socket, isNowMidHeader: boolean): void => {
    if (announced.size === 0) endShadow = shadowStoreHeader(decideHeader)
    announced.add(announcement)
    isMidHeader.set(socket, isNowMidHeader)
    hearMessagesBegin(socket, () => {
      isMidHeader.set(socket, true)
    })
  }
  const idle = new Set(betweenMessages(server))
  for (const socket of speaking) {
    if (!responseOn(socket) || (isLasting(socket) && !mayChange)) continue // watched from its next request on
    watch(socket, !idle.has(socket) && newestRequestOn(socket)?.complete !== false)
  }
  const emit = server.emit.bind(server) as Emit
  const late = new LateDispatch()
  const restore = shadow(server, 'emit', (event: string | symbol, ...args: unknown[]): boolean => {
    // After its end whoever has kept it since may still call it.
    if (isOver || !requestEvents.has(event)) return emit(event, ...args)
    const [request, response] = args as [http.IncomingMessage, http.ServerResponse]
    // Of HTTP/2, beside HTTP/1 on the same server.
    if (!speaking.has(request.socket)) return emit(event, ...args)
    onRequest(request, response)
    const lasts = isLasting(request.socket)
    // One that has been read whole is emitted again, as by a handler of 'checkContinue': what has begun since is known.
    if ((!lasts || mayChange) && !request.complete) watch(request.socket, false)
    if (lasts) return emit(event, ...args)
    // The parser calls this in the middle of a chunk. A handler that answered right here would have
    // its response called the last while further pipelined requests stand in the same chunk: they
    // would be dropped. After the poll phase all of it has been read, also a second TLS record.
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
 * Decides when the header is made: more requests may come until then. It is the one place that every
 * response passes, also those that wait behind another and those whose `writeHead` is wrapped.
 */
function decideHeader(response: http.ServerResponse, headers: GivenHeaders): GivenHeaders {
  const { socket } = response.req
  const announcement = [...announced].find(({ isMidHeader }) => isMidHeader.has(socket))
  // One that was to live on when the request came is not watched: its next response is the last.
  if (!announcement || announcement.isLasting(socket)) return headers
  if (announcement.isMidHeader.get(socket) || !isLastOfConnection(response)) return headers
  response.shouldKeepAlive = false
  keepConnectionHeader(response)
  // An application that sets `Connection` itself would overrule that.
  if (!response.hasHeader('connection')) return withoutConnection(headers)
  response.setHeader('Connection', 'close')
  return headers
}

/**
 * Whether no other request has been read from the connection. A body that is still coming forbids it
 * too: closing with bytes unread resets the connection, and the response is lost on its way.
 */
function isLastOfConnection(response: http.ServerResponse): boolean {
  const { req: request } = response
  return request.complete && newestRequestOn(request.socket) === request
}

/** Takes `Connection` out of the headers of a `writeHead`: an object, pairs, or a flat list. */
function withoutConnection(headers: GivenHeaders): GivenHeaders {
  const isConnection = (name: unknown): boolean => String(name).toLowerCase() === 'connection'
  if (Array.isArray(headers)) {
    const list: unknown[] = headers
    if (Array.isArray(list[0])) {
      return (list as unknown[][]).filter(([name]) => !isConnection(name))
    }
    return list.filter((_, index) => !isConnection(list[index - (index % 2)]))
  }
  // What has none goes on as it is: Node knows its own table of headers by identity.
  if (!headers || !Object.keys(headers).some(isConnection)) return headers
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isConnection(name)))
}

/** Dispatches requests one turn late, or right before the application would hear that their client has left. */
class LateDispatch {
  readonly #waiting = new Map<net.Socket, (() => void)[]>()

  dispatch(socket: net.Socket, request: () => void): void {
    const known = this.#waiting.get(socket)
    const requests = known ?? []
    requests.push(request)
    if (!known) this.#await(socket, requests)
    // Each in a turn of its own: a handler that throws keeps none of the others back.
    setImmediate(() => requests.shift()?.())
  }

  #await(socket: net.Socket, requests: (() => void)[]): void {
    this.#waiting.set(socket, requests)
    const leaves = (): void => {
      while (requests.length > 0) requests.shift()?.()
    }
    // In front of Node's own, which tell requests and responses (lib/_http_server.js, abortIncoming).
    socket.prependListener('end', leaves)
    socket.prependListener('close', leaves)
    setImmediate(() => {
      this.#waiting.delete(socket)
      socket.off('end', leaves)
      socket.off('close', leaves)
    })
  }
}
