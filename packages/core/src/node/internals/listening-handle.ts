import net from 'node:net'
import { getSystemErrorMap } from 'node:util'
import { shadow } from '../shadow.js'
import { socketOf } from './connection-handle.js'
import type { RawHandle, RawListener } from './raw-handle.js'

// The handles of listening sockets, and how Node listens on them.

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

/**
 * Makes a server accept a connection, as libuv does for each new one (lib/net.js, onconnection).
 *
 * @param listener the handle that the server listens on, or listened on before it began to drain
 */
export function acceptConnection(listener: RawListener, connection: RawHandle): void {
  listener.onconnection?.(0, connection)
}

/**
 * Makes `around` call what Node does for each connection that libuv accepts on a handle, or fails to accept
 * (lib/net.js, onconnection). Returns an undo function.
 */
export function aroundConnection(
  listener: RawListener,
  around: (accept: () => void) => void,
): () => void {
  const accept = listener.onconnection?.bind(listener)
  return shadow(listener, 'onconnection', (status: number, connection: RawHandle) => {
    around(() => accept?.(status, connection))
  })
}

/** Calls `callback` with each connection that a handle has accepted, after all that listens for it. */
export function afterConnection(
  listener: RawListener,
  callback: (socket: net.Socket) => void,
): void {
  const accept = listener.onconnection?.bind(listener)
  shadow(listener, 'onconnection', (status: number, connection: RawHandle) => {
    try {
      accept?.(status, connection)
    } finally {
      const socket = status === 0 ? socketOf(connection) : undefined
      if (socket) callback(socket)
    }
  })
}
