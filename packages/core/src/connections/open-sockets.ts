import type net from 'node:net'

/** Fewer sockets than this are never looked through when one is added. */
const fewSockets = 64

/**
 * A set of open sockets, each of which leaves it with its 'close'. The application may remove all listeners of a
 * socket, also ours: `socket.removeAllListeners()` is common after an upgrade. So destroyed sockets are dropped
 * when the set is read, and whenever it has doubled.
 */
export class OpenSockets {
  readonly #sockets = new Set<net.Socket>()
  #dropsAt = fewSockets
  readonly #forget: (this: net.Socket) => void

  constructor() {
    const sockets = this.#sockets
    // One function for all: a closure for each connection would cost more than its entry.
    this.#forget = function () {
      sockets.delete(this)
    }
  }

  /** The sockets that are open. The same object each time; takes a look at each of them. */
  get all(): ReadonlySet<net.Socket> {
    this.#dropDestroyed()
    return this.#sockets
  }

  has(socket: net.Socket): boolean {
    return !socket.destroyed && this.#sockets.has(socket)
  }

  add(socket: net.Socket): void {
    if (this.#sockets.has(socket)) return
    if (this.#sockets.size >= this.#dropsAt) {
      this.#dropDestroyed()
      this.#dropsAt = Math.max(fewSockets, 2 * this.#sockets.size)
    }
    this.#sockets.add(socket)
    socket.on('close', this.#forget)
  }

  delete(socket: net.Socket): void {
    this.#sockets.delete(socket)
  }

  #dropDestroyed(): void {
    for (const socket of this.#sockets) if (socket.destroyed) this.#sockets.delete(socket)
  }
}
