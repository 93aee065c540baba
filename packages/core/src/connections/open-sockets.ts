import type net from 'node:net'
import { isGivenAway } from '../node/internals/connection-handle.js'

/** Fewer sockets than this are never looked through when one is added. */
const fewSockets = 64

/**
 * A set of open sockets, each of which leaves it with its 'close'. The application may remove all listeners of a
 * socket, also ours: `socket.removeAllListeners()` is common after an upgrade. And one that was given to a child is
 * this process's no more, and never closes. So both are dropped when the set is read, and whenever it has doubled.
 */
export class OpenSockets {
  readonly #sockets = new Set<net.Socket>()
  #dropsAt = fewSockets
  readonly #forget: (this: net.Socket) => void

  /** @param onClosed called when a socket has closed */
  constructor(onClosed: () => void = () => undefined) {
    const sockets = this.#sockets
    // One function for all: a closure for each connection would cost more than its entry.
    this.#forget = function () {
      sockets.delete(this)
      onClosed()
    }
  }

  /** The sockets that are open. The same object each time; takes a look at each of them. */
  get all(): ReadonlySet<net.Socket> {
    this.#dropLost()
    return this.#sockets
  }

  has(socket: net.Socket): boolean {
    return isOpen(socket) && this.#sockets.has(socket)
  }

  add(socket: net.Socket): void {
    if (this.#sockets.has(socket)) return
    if (this.#sockets.size >= this.#dropsAt) {
      this.#dropLost()
      this.#dropsAt = Math.max(fewSockets, 2 * this.#sockets.size)
    }
    this.#sockets.add(socket)
    socket.on('close', this.#forget)
  }

  delete(socket: net.Socket): void {
    this.#sockets.delete(socket)
  }

  #dropLost(): void {
    for (const socket of this.#sockets) if (!isOpen(socket)) this.#sockets.delete(socket)
  }
}

function isOpen(socket: net.Socket): boolean {
  return !socket.destroyed && !isGivenAway(socket)
}
