import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import type http from 'node:http'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import net from 'node:net'
import type tls from 'node:tls'
import { getSystemErrorMap } from 'node:util'
import { shadow } from './shadow.js'

// Everything undocumented of Node that endless uses, in one place (only launch/preload.ts has its own). Each
// name is the same in Node 20, 22, 24 and 26, and test/e2e checks the behaviour on each of them.

/** A raw libuv handle (`TCP` in lib/net.js), as in `_handle` and over IPC. */
export interface RawHandle {
  close(callback?: () => void): void
  readonly fd?: number
  /** Bytes that were written and that the kernel has not taken yet. */
  readonly writeQueueSize?: number
}

/** The part of a connection's handle that controls reading (lib/net.js, tryReadStart). */
interface ReadableHandle extends RawHandle {
  readStart(): number
  readStop(): number
  reading: boolean
}

/** The handle of a listening socket. */
export interface RawListener extends RawHandle {
  /** Calls `listen(2)`; returns 0 or a negative errno. */
  listen(backlog: number): number
  /** Called by libuv for each accepted connection; Node sets it (lib/net.js, onconnection). */
  onconnection?(status: number, connection: RawHandle): void
}

/**
 * Whether what came over a channel is a raw handle. The sender says what a descriptor is to be: Node also makes
 * sockets and servers of it (lib/internal/child_process.js, handleConversion).
 */
export function isRawHandle(received: unknown): received is RawListener {
  const { listen, close } = (received ?? {}) as Partial<RawListener>
  return (
    !(received instanceof EventEmitter) &&
    typeof listen === 'function' &&
    typeof close === 'function'
  )
}

/** The listening handle of a server; `null` while it does not listen. */
export function rawListenerOf(server: net.Server): RawListener | null {
  return (server as unknown as { _handle: RawListener | null })._handle
}

/**
 * Binds a Unix socket, but does not listen on it (lib/net.js, createServerHandle).
 *
 * @throws an error that has `errno` alone
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
 * Binds a TCP socket and listens on it, without a server (lib/net.js, createServerHandle). libuv reports
 * EADDRINUSE at `listen`, not at `bind`.
 *
 * @throws the error that `net.Server#listen` would emit
 */
export function listenOnTcp(
  { address, port }: { address: string; port: number },
  ipv6Only: boolean,
  backlog = 511,
): RawListener {
  const { _createServerHandle } = net as unknown as {
    _createServerHandle: (
      address: string,
      port: number,
      type: 4 | 6,
      fd: undefined,
      flags: number,
    ) => RawListener | number
  }
  const type = net.isIPv6(address) ? 6 : 4
  const handle = _createServerHandle(address, port, type, undefined, ipv6Only ? 1 : 0)
  if (typeof handle === 'number') throw listenError(handle, address, port)
  const errno = handle.listen(backlog)
  if (errno === 0) return handle
  handle.close()
  throw listenError(errno, address, port)
}

function listenError(errno: number, address: string, port: number): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(errno) ?? ['UNKNOWN', 'unknown error']
  const error = new Error(`listen ${code}: ${text} ${address}:${String(port)}`)
  return Object.assign(error, { code, errno, syscall: 'listen', address, port })
}

/**
 * Creates a handle for the descriptor of a listening socket; closing the handle closes the descriptor.
 * Returns the address, too, if the socket is TCP (lib/net.js, createServerHandle and Server#address).
 *
 * @throws if the descriptor is not a stream socket
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
  if (typeof handle === 'number') throw new Error('it is not a stream socket')
  const address = { address: '', family: '', port: 0 }
  const isTcp = handle.getsockname?.(address) === 0
  return { handle, address: isTcp ? address : undefined }
}

/**
 * Applies `readableAll` and `writableAll` of `listen` (lib/net.js, Server#listen; libuv, uv_pipe_chmod): to the
 * name that the handle is bound to. What the mode then is differs between versions of libuv.
 */
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
 * Makes a server listen on the handle of a Unix socket, and report `path` as its address. Node's `listen`
 * takes only TCP handles. It opens the descriptor of any other handle a second time, and the descriptor would
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

/**
 * What Node reads the options of `listen` from: the handle in its first argument, or that argument
 * (lib/net.js, Server#listen).
 */
export function listenOptionsIn(first: object): object {
  const { handle, _handle } = first as { handle?: object; _handle?: object }
  return _handle || handle || first // eslint-disable-line @typescript-eslint/prefer-nullish-coalescing -- as Node does
}

/** Whether Node listens on an object as a TCP handle, or as a socket that is bound already (Node 26). */
export function isListenHandle(options: object): boolean {
  const { BoundSocket } = net as { BoundSocket?: new () => object }
  // Only handles of TCP have `bind6` (src/tcp_wrap.cc).
  return 'bind6' in options || (BoundSocket !== undefined && options instanceof BoundSocket)
}

/** Makes a socket of a handle that came over IPC (lib/net.js, Socket). */
export function pipeSocketOf(handle: RawHandle): net.Socket {
  return new net.Socket({ handle } as unknown as net.SocketConstructorOpts)
}

/** The handle of a connection; `null` once it is closed. */
export function rawHandleOf(socket: net.Socket): RawHandle | null {
  return (socket as unknown as { _handle: RawHandle | null })._handle
}

/**
 * Whether a connection can be sent to another process: Node sends the handles of TCP and of pipes, and those of
 * no other socket, such as one over TLS (lib/internal/child_process.js, target._send).
 */
export function isSendable(socket: net.Socket): boolean {
  const kind = rawHandleOf(socket)?.constructor.name
  return kind === 'TCP' || kind === 'Pipe'
}

/**
 * Calls back when a socket is destroyed, whatever listeners the application has removed; returns an undo
 * function. Every end of a socket passes through `_destroy` (stream docs, "writable._destroy").
 */
export function onDestroy(socket: net.Socket, callback: () => void): () => void {
  const destroy = socket._destroy.bind(socket)
  const restore = shadow(socket, '_destroy', (...args: Parameters<typeof destroy>) => {
    restore()
    callback()
    destroy(...args)
  })
  return restore
}

/** How many bytes written to a connection the kernel has not taken yet. */
export function unsentBytesOf(socket: net.Socket): number {
  return rawHandleOf(socket)?.writeQueueSize ?? 0
}

/**
 * Stops reading from a connection at its handle, since a stream reads ahead even while it is paused
 * (lib/internal/streams/readable.js, maybeReadMore). Returns an undo function.
 *
 * See docs/decisions.md, "The application moves what has left HTTP"
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

/** Whether a server neither listens nor has connections. */
export function isDrained(server: net.Server): boolean {
  const { _handle, _connections } = server as unknown as ClosingServer
  return _handle === null && _connections === 0
}

/**
 * Holds back the 'close' event of a server, and calls `onDrained` instead whenever the server has drained.
 * `net.Server#close` and the end of each connection emit 'close' through `_emitCloseIfDrained` (lib/net.js).
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
 * Makes a server accept a connection, as libuv does for each new one (lib/net.js, onconnection).
 *
 * @param listener the handle that the server listens on, or listened on before it began to drain
 */
export function acceptConnection(listener: RawListener, connection: RawHandle): void {
  listener.onconnection?.(0, connection)
}

/** Makes `around` call what Node does for each connection that a handle accepts (lib/net.js, onconnection). */
export function aroundConnection(
  listener: RawListener,
  around: (accept: () => void) => void,
): void {
  const accept = listener.onconnection?.bind(listener)
  listener.onconnection = (status, connection) => {
    around(() => accept?.(status, connection))
  }
}

/**
 * Calls back for each connection that libuv accepts on a listening handle, or fails to accept (lib/net.js,
 * onconnection). Returns an undo function.
 */
export function watchAccepts(listener: RawListener, callback: () => void): () => void {
  const onconnection = listener.onconnection?.bind(listener)
  return shadow(listener, 'onconnection', (status: number, connection: RawHandle) => {
    callback()
    onconnection?.(status, connection)
  })
}

/**
 * Whether the session ticket keys were given as an option of `createServer` (lib/internal/tls/wrap.js,
 * setSecureContext).
 */
export function hasGivenTicketKeys(server: tls.Server): boolean {
  return (server as { ticketKeys?: Buffer }).ticketKeys !== undefined
}

/**
 * Limits the length of a request's header, in bytes. Node reads the limit for each connection
 * (lib/_http_server.js, connectionListenerInternal).
 */
export function limitHeader(server: http.Server, maxHeaderBytes: number): void {
  ;(server as unknown as { maxHeaderSize: number }).maxHeaderSize = maxHeaderBytes
}

/**
 * Makes Node check for requests that take too long at least every `intervalMs`. Node reads the interval
 * when the server begins to listen (lib/_http_server.js, setupConnectionsTracking).
 */
export function checkConnectionsEvery(server: http.Server, intervalMs: number): void {
  const settings = server as unknown as { connectionsCheckingInterval: number }
  settings.connectionsCheckingInterval = Math.min(settings.connectionsCheckingInterval, intervalMs)
}

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
 * of the server.
 *
 * See docs/decisions.md, "Idle is what Node's parsers report"
 */
export function betweenMessages(server: http.Server): net.Socket[] {
  const key = symbolNamed(server, 'http.server.connections')
  const list = key && (server as unknown as Record<symbol, { idle(): HttpParser[] }>)[key]
  return list?.idle().flatMap(({ socket }) => socket ?? []) ?? []
}

/**
 * Ends the timer with which Node checks the connections of a server, since it keeps the server in memory. It
 * starts again when the server listens (lib/_http_server.js, httpServerPreClose and
 * setupConnectionsTracking).
 */
export function endConnectionChecks(server: net.Server): void {
  const key = symbolNamed(server, 'http.server.connectionsCheckingInterval')
  if (key) clearInterval((server as unknown as Record<symbol, NodeJS.Timeout>)[key])
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

/** The accepted TCP socket: below a server's TLS socket (lib/internal/tls/wrap.js), or `socket` itself. */
export function acceptedSocketOf(socket: net.Socket): net.Socket {
  return (socket as { _parent?: net.Socket | null })._parent ?? socket
}

/** The headers of a response in the form in which Node passes them to `_storeHeader`. */
export type GivenHeaders = object | unknown[] | null | undefined

interface HeaderMaker {
  _storeHeader(firstLine: string, headers: GivenHeaders): void
}

/**
 * Makes `decide` choose the headers of a response at the last moment, or of every response if `target` is the
 * prototype; `onStored` is called when they are written. Returns an undo function. Every `writeHead` ends in `_storeHeader`, even one that the application has wrapped or kept from before
 * (lib/_http_server.js, writeHead).
 *
 * See docs/decisions.md, "`Connection: close` is decided when the header is written"
 */
export function shadowStoreHeader(
  target: http.ServerResponse,
  decide: (response: http.ServerResponse, headers: GivenHeaders) => GivenHeaders,
  onStored: (response: http.ServerResponse) => void = () => undefined,
): () => void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to the response below
  const storeHeader = (target as http.ServerResponse & HeaderMaker)._storeHeader
  function store(this: http.ServerResponse, firstLine: string, headers: GivenHeaders): void {
    storeHeader.call(this as typeof target & HeaderMaker, firstLine, decide(this, headers))
    onStored(this)
  }
  return shadow(target, '_storeHeader', store)
}

/** Whether a response has told its client that it is the last of its connection (lib/_http_outgoing.js, _storeHeader). */
export function isLastResponse(response: http.ServerResponse): boolean {
  return (response as unknown as { _last: boolean })._last
}

/** Undoes `removeHeader('connection')`, so that Node writes the header again (lib/_http_outgoing.js). */
export function keepConnectionHeader(response: http.ServerResponse): void {
  ;(response as unknown as { _removedConnection: boolean })._removedConnection = false
}

/** The open streams of a session; none once it is destroyed (lib/internal/http2/core.js). */
export function openStreamsOf(session: ServerHttp2Session): ServerHttp2Stream[] {
  const key = Object.getOwnPropertySymbols(session).find(
    ({ description }) => description === 'state',
  )
  const state = (session as unknown as Record<symbol, unknown>)[key ?? Symbol()] as
    { streams: Map<number, ServerHttp2Stream> } | undefined
  return [...(state?.streams.values() ?? [])]
}

/** The longest message that is waited for; the largest of ours are some megabytes. */
const longestMessage = 64 * 1_048_576

/** The handle of an IPC channel (lib/internal/child_process.js, setupChannel). */
interface ChannelHandle extends RawHandle {
  /** Called with the bytes that have arrived, or with nothing at the end of the channel. */
  onread(buffer?: unknown, ...rest: unknown[]): void
}

/**
 * Watches the parent's end of an IPC channel. If a child writes anything but JSON, Node throws where no
 * caller can catch it; and it keeps what has arrived of a message that never ends. And Node reports the end of the channel by 'disconnect', but never while a handle
 * waits for its acknowledgement (lib/internal/child_process.js, setupChannel and disconnect).
 */
export function watchChannel(
  child: ChildProcess,
  { onEnd, onGarbage }: { onEnd: () => void; onGarbage: (reason: unknown) => void },
): void {
  const handle = channelHandleOf(child)
  if (!handle) return // the child could not be started
  const onread = handle.onread.bind(handle)
  handle.onread = (buffer, ...rest) => {
    try {
      onread(buffer, ...rest)
      if (partialMessageOf(handle).length > longestMessage) throw new Error('it is too long')
    } catch (error) {
      forgetPartialMessage(handle)
      onGarbage(error)
    }
    if (!buffer) onEnd()
  }
}

/** Whether messages to a child wait in this process: it does not read, or has a handle to acknowledge. */
export function isBackedUp(child: ChildProcess): boolean {
  return hasHandleInFlight(child) || (channelHandleOf(child)?.writeQueueSize ?? 0) > 0
}

function channelHandleOf(child: ChildProcess): ChannelHandle | undefined {
  const key = symbolNamed(child, 'kChannelHandle')
  return key && (child as unknown as Record<symbol, ChannelHandle | undefined>)[key]
}

/** Drops a message that has arrived in part: if it is garbage, everything after it would be garbage too. */
function forgetPartialMessage(handle: ChannelHandle): void {
  const key = symbolNamed(handle, 'kJSONBuffer')
  if (key) (handle as unknown as Record<symbol, string>)[key] = ''
}

function partialMessageOf(handle: ChannelHandle): string {
  const key = symbolNamed(handle, 'kJSONBuffer')
  return key ? ((handle as unknown as Record<symbol, string | undefined>)[key] ?? '') : ''
}

/** Whether a child has yet to acknowledge a handle; Node sends further handles only afterwards. */
export function hasHandleInFlight(child: ChildProcess): boolean {
  return Array.isArray((child as unknown as { _handleQueue?: unknown })._handleQueue)
}

function symbolNamed(object: object, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(({ description }) => description === name)
}
