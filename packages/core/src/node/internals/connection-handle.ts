import net from 'node:net'
import { shadow } from '../shadow.js'
import type { RawHandle } from './raw-handle.js'

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

/** The accepted TCP socket: below a server's TLS socket (lib/internal/tls/wrap.js), or `socket` itself. */
export function acceptedSocketOf(socket: net.Socket): net.Socket {
  return (socket as { _parent?: net.Socket | null })._parent ?? socket
}
