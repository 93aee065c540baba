import type { ChildProcess } from 'node:child_process'
import http from 'node:http'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import net from 'node:net'
import type tls from 'node:tls'

// All that endless touches of Node without Node documenting it, in one place. Each name is the same
// in Node 20, 22, 24 and 26, and test/e2e holds the behaviour that rests on it on each of them.

/** A raw libuv handle (`TCP` in lib/net.js), as `_handle` and IPC have it. */
export interface RawHandle {
  close(callback?: () => void): void
  readonly fd?: number
  /** How much of what was written the kernel has not taken yet, in bytes. */
  readonly writeQueueSize?: number
}

/** The handle of a connection, as far as reading from it goes (lib/net.js, tryReadStart). */
interface ReadableHandle extends RawHandle {
  readStart(): number
  readStop(): number
  reading: boolean
}

/** The handle of a listening socket. */
export interface RawListener extends RawHandle {
  /** Backlog to `listen(2)`; answers 0 or a negative errno. */
  listen(backlog: number): number
  /** What Node has libuv call for each accepted connection (lib/net.js, onconnection). */
  onconnection?(status: number, connection: RawHandle): void
}

/** The listening handle of a server; `null` while it does not listen. */
export function rawListenerOf(server: net.Server): RawListener | null {
  return (server as unknown as { _handle: RawListener | null })._handle
}

/**
 * Binds a Unix socket, which does not listen yet (lib/net.js, createServerHandle).
 *
 * @throws an error with nothing but `errno`
 */
export function bindPipe(path: string): RawListener {
  const { _createServerHandle } = net as unknown as {
    _createServerHandle: (path: string, port: -1, type: -1) => RawListener | number
  }
  const handle = _createServerHandle(path, -1, -1)
  if (typeof handle === 'number') throw Object.assign(new Error('bind'), { errno: handle })
  return handle
}

/**
 * Opens a descriptor of a listening socket, which is closed with the handle; with the address of one of
 * TCP (lib/net.js, createServerHandle and Server#address).
 *
 * @throws if it is none
 */
export function openListener(fd: number): {
  handle: RawListener
  address: { address: string; family: string; port: number } | undefined
} {
  const { _createServerHandle } = net as unknown as {
    _createServerHandle: (
      address: null,
      port: null,
      type: null,
      fd: number,
    ) => (RawListener & { getsockname?(out: object): number }) | number
  }
  const handle = _createServerHandle(null, null, null, fd)
  if (typeof handle === 'number') throw new Error('it is no stream socket')
  const address = { address: '', family: '', port: 0 }
  const isTcp = handle.getsockname?.(address) === 0
  return { handle, address: isTcp ? address : undefined }
}

/** Does what `readableAll` and `writableAll` ask for (lib/net.js, Server#listen; libuv, uv_pipe_chmod). */
export function widenRights(
  handle: RawListener,
  { readableAll, writableAll }: { readableAll: boolean; writableAll: boolean },
): void {
  const flags = (readableAll ? 1 : 0) | (writableAll ? 2 : 0)
  if (flags === 0) return
  const errno = (handle as RawListener & { fchmod(flags: number): number }).fchmod(flags)
  if (errno < 0) throw Object.assign(new Error('chmod'), { errno })
}

/**
 * Has a server listen on the handle of a Unix socket, and answer that path as its address. `listen`
 * itself takes only handles of TCP; of others it opens the descriptor a second time, so that it would
 * be closed twice (lib/net.js, Server#listen).
 */
export function listenOnPipe(
  server: net.Server,
  handle: RawListener,
  path: string,
  backlog: number | undefined,
): void {
  const listening = server as unknown as {
    _handle: RawListener
    _pipeName: string
    _listen2(address: null, port: -1, type: -1, backlog: number | undefined): void
  }
  listening._handle = handle
  listening._pipeName = path
  listening._listen2(null, -1, -1, backlog)
}

/** The handle that the options of a `listen` name, or that they are (lib/net.js, Server#listen); else `undefined`. */
export function handleIn(options: object): unknown {
  const { handle, _handle } = options as { handle?: unknown; _handle?: unknown }
  return _handle ?? handle ?? undefined
}

/** The handle of a connection; `null` once it is closed. */
export function rawHandleOf(socket: net.Socket): RawHandle | null {
  return (socket as unknown as { _handle: RawHandle | null })._handle
}

/**
 * Stops reading from a connection below its stream, which reads ahead by itself also while it is paused
 * (lib/internal/streams/readable.js, maybeReadMore); answers what begins again.
 */
export function stopReading(handle: RawHandle): () => void {
  const readable = handle as ReadableHandle
  readable.readStop()
  readable.readStart = () => 0
  return () => {
    Reflect.deleteProperty(readable, 'readStart')
    if (readable.reading) readable.readStart()
  }
}

interface ClosingServer {
  _handle: RawListener | null
  _connections: number
  _emitCloseIfDrained(): void
}

/** Whether a server neither listens nor has a connection. */
export function isDrained(server: net.Server): boolean {
  const { _handle, _connections } = server as unknown as ClosingServer
  return _handle === null && _connections === 0
}

/**
 * Holds back the 'close' of a server, and calls `onDrained` in its place whenever the server has
 * drained. `net.Server#close` and each connection that ends emit it through this method (lib/net.js).
 *
 * @returns a function that lets the server close
 */
export function shadowEmitClose(server: net.Server, onDrained: () => void): () => void {
  const closing = server as unknown as ClosingServer
  closing._emitCloseIfDrained = () => {
    if (isDrained(server)) onDrained()
  }
  return () => {
    Reflect.deleteProperty(closing, '_emitCloseIfDrained')
    closing._emitCloseIfDrained()
  }
}

/**
 * Lets a server accept a connection, as libuv does for each that comes (lib/net.js, onconnection).
 *
 * @param listener the handle that the server listens on, or listened on before it began to drain
 */
export function acceptConnection(listener: RawListener, connection: RawHandle): void {
  listener.onconnection?.(0, connection)
}

/** Whether the session ticket keys were an option of `createServer` (lib/internal/tls/wrap.js, setSecureContext). */
export function hasGivenTicketKeys(server: tls.Server): boolean {
  return (server as { ticketKeys?: Buffer }).ticketKeys !== undefined
}

/** Limits the header of a request, in bytes; Node reads it for each connection (lib/_http_server.js, connectionListenerInternal). */
export function limitHeader(server: http.Server, maxHeaderBytes: number): void {
  ;(server as unknown as { maxHeaderSize: number }).maxHeaderSize = maxHeaderBytes
}

/**
 * Makes Node look for requests that take too long at least as often as this. It reads the interval when
 * the server begins to listen (lib/_http_server.js, setupConnectionsTracking).
 */
export function checkConnectionsEvery(server: http.Server, intervalMs: number): void {
  const settings = server as unknown as { connectionsCheckingInterval: number }
  settings.connectionsCheckingInterval = Math.min(settings.connectionsCheckingInterval, intervalMs)
}

interface HttpParser {
  incoming?: http.IncomingMessage | null
  /** Whether it reads from the handle itself, past the stream: nobody else listens for 'data'. */
  _consumed?: boolean
  /** Called with the header of each request. */
  onIncoming: ((...args: unknown[]) => unknown) | null
  /** Parses bytes that did not come from the handle; only Node's own parser has it. */
  execute?(bytes: Buffer): unknown
  socket: net.Socket | null
}

/** Where a parser has what it calls as a message begins (src/node_http_parser.cc); Node puts nothing there. */
const kOnMessageBegin = 0

interface HttpSocket {
  _httpMessage?: http.ServerResponse | null
  parser?: HttpParser | null
}

/** The parser of a connection, `undefined` where there is none or it has left (an upgrade). */
export function parserOf(socket: net.Socket): HttpParser | undefined {
  return (socket as HttpSocket).parser ?? undefined
}

/** Whether an upgrade has taken the parser away from a connection (lib/_http_server.js, onParserExecuteCommon). */
export function hasLostParser(socket: net.Socket): boolean {
  return 'parser' in socket && socket.parser === null
}

/**
 * Whether the parser reads from the handle of a connection itself. A foreign 'data' or 'readable'
 * listener ends that (lib/_http_server.js, generateSocketListenerWrapper).
 */
export function isReadByParser(socket: net.Socket): boolean {
  return parserOf(socket)?._consumed === true
}

/** Shows the parser of a connection bytes that did not come from its client; nobody sees what it makes of them. */
export function parseUnseen(socket: net.Socket, bytes: Buffer): void {
  const parser = parserOf(socket)
  if (!parser?.execute) return
  const { onIncoming, socket: owner } = parser
  // Without a socket nothing of Node's or of the application's comes into play (lib/_http_common.js).
  parser.socket = null
  parser.onIncoming = () => 0
  parser.execute(bytes)
  parser.onIncoming = onIncoming
  parser.socket = owner
  parser.incoming = null
}

/** Calls back before the next request of a connection is dispatched (lib/_http_server.js, parserOnIncoming). */
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

/**
 * The connections of a server whose parser is between two messages, and on Node 26 those without a byte
 * (src/node_http_parser.cc, ConnectionsList). Costs a tenth of a microsecond for each of the server's.
 */
export function betweenMessages(server: http.Server): net.Socket[] {
  const key = symbolNamed(server, 'http.server.connections')
  const list = key && (server as unknown as Record<symbol, { idle(): HttpParser[] }>)[key]
  return list?.idle().flatMap(({ socket }) => socket ?? []) ?? []
}

/**
 * Ends the timer by which Node looks at the connections of a server, and which keeps the server in memory; it
 * begins anew when the server listens (lib/_http_server.js, httpServerPreClose and setupConnectionsTracking).
 */
export function endConnectionChecks(server: net.Server): void {
  const key = symbolNamed(server, 'http.server.connectionsCheckingInterval')
  if (key) clearInterval((server as unknown as Record<symbol, NodeJS.Timeout>)[key])
}

/** Has the parser of a connection call this as each message begins, until it leaves (lib/_http_common.js, cleanParser). */
export function hearMessagesBegin(socket: net.Socket, callback: (() => void) | null): void {
  const parser = parserOf(socket) as { [kOnMessageBegin]?: (() => void) | null } | undefined
  if (parser) parser[kOnMessageBegin] = callback
}

/** The HTTP server that has accepted a connection (lib/_http_server.js, connectionListenerInternal). */
export function httpServerOf(socket: net.Socket): http.Server | undefined {
  return (socket as { server?: http.Server | null }).server ?? undefined
}

/** The response that a connection is writing or waits to write, `undefined` when it has none. */
export function responseOn(socket: net.Socket): http.ServerResponse | undefined {
  return (socket as HttpSocket)._httpMessage ?? undefined
}

/** The request that was read last from a connection, `undefined` before the first. */
export function newestRequestOn(socket: net.Socket): http.IncomingMessage | undefined {
  return parserOf(socket)?.incoming ?? undefined
}

/** The accepted TCP socket: below a TLS socket of a server (lib/internal/tls/wrap.js), or itself. */
export function acceptedSocketOf(socket: net.Socket): net.Socket {
  return (socket as { _parent?: net.Socket | null })._parent ?? socket
}

/** The headers of a response as Node has them when it makes the header's text. */
export type GivenHeaders = object | unknown[] | null | undefined

interface HeaderMaker {
  _storeHeader(firstLine: string, headers: GivenHeaders): void
}

/**
 * Has the headers of each response decided at last; answers what undoes it. `writeHead`, of which an
 * application may have kept or wrapped an older one, ends there (lib/_http_server.js, writeHead).
 */
export function shadowStoreHeader(
  decide: (response: http.ServerResponse, headers: GivenHeaders) => GivenHeaders,
): () => void {
  const prototype = http.ServerResponse.prototype as http.ServerResponse & HeaderMaker
  const own = Object.getOwnPropertyDescriptor(prototype, '_storeHeader')
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to the response below
  const storeHeader = prototype._storeHeader
  prototype._storeHeader = function (this: typeof prototype, firstLine, headers) {
    storeHeader.call(this, firstLine, decide(this, headers))
  }
  return () => {
    if (own) Object.defineProperty(prototype, '_storeHeader', own)
    else Reflect.deleteProperty(prototype, '_storeHeader')
  }
}

/** Undoes `removeHeader('connection')`: Node writes the header again (lib/_http_outgoing.js). */
export function keepConnectionHeader(response: http.ServerResponse): void {
  ;(response as unknown as { _removedConnection: boolean })._removedConnection = false
}

/** The streams that are open on a session; none once it is destroyed (lib/internal/http2/core.js). */
export function openStreamsOf(session: ServerHttp2Session): ServerHttp2Stream[] {
  const key = Object.getOwnPropertySymbols(session).find(
    ({ description }) => description === 'state',
  )
  const state = (session as unknown as Record<symbol, unknown>)[key ?? Symbol()] as
    { streams: Map<number, ServerHttp2Stream> } | undefined
  return [...(state?.streams.values() ?? [])]
}

/** The handle of an IPC channel (lib/internal/child_process.js, setupChannel). */
interface ChannelHandle {
  /** Called with what has come, or with nothing at the end. */
  onread(buffer?: unknown, ...rest: unknown[]): void
}

/**
 * Watches the parent's end of an IPC channel. Node throws where nobody can catch it when a child writes
 * what is not JSON, and reports the end of the channel by 'disconnect', but never while a handle waits
 * for its answer (lib/internal/child_process.js, setupChannel and disconnect).
 */
export function watchChannel(
  child: ChildProcess,
  { onEnd, onGarbage }: { onEnd: () => void; onGarbage: (reason: unknown) => void },
): void {
  const key = symbolNamed(child, 'kChannelHandle')
  const handle = key && (child as unknown as Record<symbol, ChannelHandle | undefined>)[key]
  if (!handle) return // it could not be started
  const onread = handle.onread.bind(handle)
  handle.onread = (buffer, ...rest) => {
    try {
      onread(buffer, ...rest)
    } catch (error) {
      forgetPartialMessage(handle)
      onGarbage(error)
    }
    if (!buffer) onEnd()
  }
}

/** Drops a message of which only a part has come: with garbage in it, all that follows would be garbage too. */
function forgetPartialMessage(handle: ChannelHandle): void {
  const key = symbolNamed(handle, 'kJSONBuffer')
  if (key) (handle as unknown as Record<symbol, string>)[key] = ''
}

/** Whether a child has been sent a handle and has not answered yet; more of them wait for that. */
export function hasHandleInFlight(child: ChildProcess): boolean {
  return Array.isArray((child as unknown as { _handleQueue?: unknown })._handleQueue)
}

function symbolNamed(object: object, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(({ description }) => description === name)
}
