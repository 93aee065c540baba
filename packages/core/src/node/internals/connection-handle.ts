import net from 'node:net'
import tls from 'node:tls'
import { shadow } from '../shadow.js'
import type { RawHandle } from './raw-handle.js'
import { symbolNamed } from './symbol-named.js'

// The handles of connections, and the sockets around them.

/** The part of a connection's handle that controls reading (lib/net.js, tryReadStart). */
interface ReadableHandle extends RawHandle {
  readStart(): number
  readStop(): number
  reading: boolean
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

/** The accepted TCP socket: below the TLS sockets above it (lib/internal/tls/wrap.js), or `socket` itself. */
export function acceptedSocketOf(socket: net.Socket): net.Socket {
  const { _parent: below } = socket as { _parent?: net.Socket | null }
  return below ? acceptedSocketOf(below) : socket
}

/** The server that has accepted a connection, whichever server it was emitted on since (lib/net.js, onconnection). */
export function acceptorOf(accepted: net.Socket): net.Server | undefined {
  return (accepted as { _server?: net.Server | null })._server ?? undefined
}

/**
 * Whether a socket that is not destroyed was given to a child by `child.send(message, socket)`: it has no handle any
 * more, and is never told of its end (lib/internal/child_process.js, handleConversion).
 */
export function isGivenAway(socket: net.Socket): boolean {
  return rawHandleOf(socket) === null
}

/** Whether a TLS socket is above a connection (lib/internal/tls/wrap.js, defineHandleReading). */
export function isBelowTls(socket: net.Socket): boolean {
  const handle = rawHandleOf(socket)
  return handle ? Object.getOwnPropertyDescriptor(handle, 'reading')?.get !== undefined : false
}

/**
 * The TLS socket above a connection, to which nothing leads but the listener by which it passes errors on
 * (lib/internal/tls/wrap.js, TLSSocket#_init). So that listener is called, and the method that it calls is replaced.
 */
export function tlsSocketAbove(socket: net.Socket): tls.TLSSocket | undefined {
  const passOn = socket.listeners('error').find((each) => String(each).includes('_emitTLSError'))
  let above: tls.TLSSocket | undefined
  const restore = shadow(tls.TLSSocket.prototype, '_emitTLSError', function (this: tls.TLSSocket) {
    above = this // eslint-disable-line @typescript-eslint/no-this-alias -- it is what is looked for
  })
  passOn?.()
  restore()
  return above
}

let owner: symbol | undefined

/** The socket around the handle of a connection (lib/net.js, initSocketHandle); `undefined` if it has none. */
export function socketOf(handle: RawHandle): net.Socket | undefined {
  owner ??= symbolNamed(handle, 'owner_symbol')
  return owner && (handle as unknown as Record<symbol, net.Socket | undefined>)[owner]
}
