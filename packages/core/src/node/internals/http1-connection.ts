import http from 'node:http'
import type net from 'node:net'
import { symbolNamed } from './symbol-named.js'

// HTTP/1 on a connection: its parser, its request and its response.

interface HttpParser {
  incoming?: http.IncomingMessage | null
  /** Whether it reads from the handle itself, past the stream: nothing else listens for 'data'. */
  _consumed?: boolean
  /** Called with the header of each request. */
  onIncoming: ((...args: unknown[]) => unknown) | null
  /** Parses bytes that did not come from the handle; only Node's own parser has it. */
  execute?(bytes: Buffer): unknown
  socket: net.Socket | null
}

/**
 * Slot for the function that a parser calls when a message begins (src/node_http_parser.cc); Node leaves it
 * empty.
 */
const kOnMessageBegin = 0

interface HttpSocket {
  _httpMessage?: http.ServerResponse | null
  parser?: HttpParser | null
}

/** The parser of a connection; `undefined` if it never had one, or has lost it by an upgrade. */
export function parserOf(socket: net.Socket): HttpParser | undefined {
  return (socket as HttpSocket).parser ?? undefined
}

/** Whether a connection has lost its parser by an upgrade (lib/_http_server.js, onParserExecuteCommon). */
export function hasLostParser(socket: net.Socket): boolean {
  return 'parser' in socket && socket.parser === null
}

/**
 * Whether the parser reads from the handle of a connection itself. Any other 'data' or 'readable'
 * listener ends that (lib/_http_server.js, generateSocketListenerWrapper).
 */
export function isReadByParser(socket: net.Socket): boolean {
  return parserOf(socket)?._consumed === true
}

/**
 * Feeds a connection's parser bytes that its client did not send. Neither Node's server nor the application
 * sees the message.
 */
export function parseUnseen(socket: net.Socket, bytes: Buffer): void {
  const parser = parserOf(socket)
  if (!parser?.execute) return
  const { onIncoming, socket: owner } = parser
  // Without a socket, neither Node's server nor the application gets the message (lib/_http_common.js).
  parser.socket = null
  parser.onIncoming = () => 0
  parser.execute(bytes)
  parser.onIncoming = onIncoming
  parser.socket = owner
  parser.incoming = null
}

/** Calls back before a connection's next request is dispatched (lib/_http_server.js, parserOnIncoming). */
export function onNextRequest(socket: net.Socket, callback: () => void): void {
  const parser = parserOf(socket)
  if (!parser?.onIncoming) return
  const { onIncoming } = parser
  parser.onIncoming = (...args) => {
    parser.onIncoming = onIncoming
    callback()
    return onIncoming(...args)
  }
}

/** Runs `around` in place of the dispatch of each request of a connection (lib/_http_server.js, parserOnIncoming). */
export function wrapRequests(
  socket: net.Socket,
  around: (dispatch: () => unknown) => unknown,
): void {
  const parser = parserOf(socket)
  if (!parser?.onIncoming) return
  const { onIncoming } = parser
  parser.onIncoming = (...args) => around(() => onIncoming(...args))
}

/**
 * Makes the parser of a connection drop each message that begins from now on, with its body: neither Node's server
 * nor the application sees it (lib/_http_common.js, parserOnHeadersComplete and parserOnBody).
 */
export function dropRequests(socket: net.Socket): void {
  const parser = parserOf(socket)
  if (!parser) return
  parser.onIncoming = () => {
    parser.incoming = null
    return 0
  }
}

/**
 * The connections of a server whose parser is between two messages; on Node 26 also those that have sent
 * nothing yet (src/node_http_parser.cc, ConnectionsList). Takes a tenth of a microsecond for each connection
 * of the server. `undefined` for a server that has never listened: Node keeps no list of its parsers
 * (lib/_http_server.js, setupConnectionsTracking).
 *
 * See docs/decisions.md, "Idle is what Node's parsers report"
 */
export function betweenMessages(server: http.Server): net.Socket[] | undefined {
  return parsersOf(server)
    ?.idle()
    .flatMap(({ socket }) => socket ?? [])
}

/** All connections of a server that have a parser; none for a server that has never listened. */
export function parsedBy(server: http.Server): net.Socket[] {
  return (
    parsersOf(server)
      ?.all()
      .flatMap(({ socket }) => socket ?? []) ?? []
  )
}

function parsersOf(server: http.Server): Record<'idle' | 'all', () => HttpParser[]> | undefined {
  const key = symbolNamed(server, 'http.server.connections')
  return key && (server as unknown as Record<symbol, ReturnType<typeof parsersOf>>)[key]
}

/** Node's own listener for 'connection', which gives a connection its parser (lib/_http_server.js, Server). */
const { _connectionListener: ownListener } = http as unknown as {
  _connectionListener: (socket: net.Socket) => void
}

/** Whether Node itself gives each connection of a server to HTTP, and no layer of the program in its place. */
export function givesToHttp(server: net.Server): boolean {
  return server.listeners('connection').includes(ownListener)
}

/**
 * Makes the parser of a connection call `callback` when a message begins, until Node takes the parser away
 * (lib/_http_common.js, cleanParser). `null` ends this.
 */
export function hearMessagesBegin(socket: net.Socket, callback: (() => void) | null): void {
  const parser = parserOf(socket) as { [kOnMessageBegin]?: (() => void) | null } | undefined
  if (parser) parser[kOnMessageBegin] = callback
}

/** The HTTP server that accepted a connection (lib/_http_server.js, connectionListenerInternal). */
export function httpServerOf(socket: net.Socket): http.Server | undefined {
  return (socket as { server?: http.Server | null }).server ?? undefined
}

/** The response that a connection is writing or waits to write; `undefined` if it has none. */
export function responseOn(socket: net.Socket): http.ServerResponse | undefined {
  return (socket as HttpSocket)._httpMessage ?? undefined
}

/** The last request that was read from a connection; `undefined` before the first. */
export function newestRequestOn(socket: net.Socket): http.IncomingMessage | undefined {
  return parserOf(socket)?.incoming ?? undefined
}

/**
 * Whether the application has taken a connection over from a response by `detachSocket`. Node then no longer
 * knows when the response ends. When one ends by itself, Node forgets its request, or will once the request has
 * been read (lib/_http_server.js, resOnFinish and clearIncoming).
 *
 * See docs/decisions.md, "A detached response counts as an upgrade"
 */
export function isDetached(socket: net.Socket): boolean {
  const request = newestRequestOn(socket)
  if (!request || responseOn(socket)) return false
  return !request.listeners('end').some(({ name }) => name === 'clearIncoming')
}
