import { EventEmitter } from 'node:events'

// Raw libuv handles. This folder holds everything undocumented of Node that endless uses (only launch/preload.ts
// has its own). Each name is the same in Node 20, 22, 24 and 26, and test/e2e checks the behaviour on each of them.

// Everything undocumented of Node that endless uses, in one place (only launch/preload.ts has its own). Each
// name is the same in Node 20, 22, 24 and 26, and test/e2e checks the behaviour on each of them.

/** A raw libuv handle (`TCP` in lib/net.js), as in `_handle` and over IPC. */
export interface RawHandle {
  close(callback?: () => void): void
  readonly fd?: number
  /** Bytes that were written and that the kernel has not taken yet. */
  readonly writeQueueSize?: number
}

/** The handle of a listening socket. */
export interface RawListener extends RawHandle {
  /** Calls `listen(2)`; returns 0 or a negative errno. */
  listen(backlog: number): number
  /** Called by libuv for each accepted connection; Node sets it (lib/net.js, onconnection). */
  onconnection?(status: number, connection: RawHandle): void
}

/** The handle of a UDP socket (`UDP` in lib/dgram.js). */
export interface RawUdpHandle extends RawHandle {
  /** Begins to read; returns 0 or a negative errno. */
  recvStart(): number
  recvStop(): number
  /** Called by libuv for each datagram; Node sets it before it begins to read. */
  onmessage?(...args: unknown[]): void
}

/**
 * Whether what came over a channel is a raw handle. The sender says what a descriptor is to be: Node also makes
 * sockets and servers of it (lib/internal/child_process.js, handleConversion).
 */
export function isRawHandle(received: unknown): received is RawHandle {
  const { listen, recvStart, close } = (received ?? {}) as Partial<RawListener & RawUdpHandle>
  return (
    !(received instanceof EventEmitter) &&
    (typeof listen === 'function' || typeof recvStart === 'function') &&
    typeof close === 'function'
  )
}
