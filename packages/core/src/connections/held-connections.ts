import type net from 'node:net'
import { rawHandleOf, stopReading } from '../node/internals/connection-handle.js'

/**
 * Connections that are not read from, so that they come to rest and can move. What their clients send meanwhile
 * waits in the kernel, and moves with them.
 */
export class HeldConnections {
  readonly #held = new Map<net.Socket, () => void>()

  get size(): number {
    return this.#held.size
  }

  has(socket: net.Socket): boolean {
    return this.#held.has(socket)
  }

  hold(socket: net.Socket): void {
    const handle = rawHandleOf(socket)
    if (handle && !this.#held.has(socket)) this.#held.set(socket, stopReading(handle))
  }

  /** Reads on from the connections that need not be held any longer; forgets those that have closed. */
  release(isHeldOn: (socket: net.Socket) => boolean): void {
    for (const [socket, startReading] of this.#held) {
      if (!socket.destroyed && isHeldOn(socket)) continue
      this.#held.delete(socket)
      if (!socket.destroyed) startReading()
    }
  }
}
