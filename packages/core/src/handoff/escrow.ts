import { formatAddress } from '../listeners/address.js'
import type { KeptListener } from '../listeners/kept-listener.js'
import type { System } from '../node/system.js'

/**
 * Copies of listening sockets that a successor sent back, by bound address. They are never listened on:
 * each only keeps its socket and the queue of waiting connections alive.
 * See docs/decisions.md, "The escrow is a copy that the successor sends back"
 */
export class Escrow {
  readonly #kept = new Map<string, KeptListener>()
  #isClosed = false

  /** Whether this process will not take over again. Copies that arrive later are closed. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  add(socket: KeptListener): void {
    if (this.#isClosed) socket.handle.close()
    else this.#kept.set(formatAddress(socket.bound), socket)
  }

  /** Takes copies again: this process may have to take over after all. */
  reopen(): void {
    this.#isClosed = false
  }

  /** Whether another process has one of the sockets, too. */
  async isHeldElsewhere(system: Pick<System, 'isHeldElsewhere'>): Promise<boolean> {
    for (const { handle } of this.#kept.values()) {
      if (await system.isHeldElsewhere(handle)) return true
    }
    return false
  }

  /** Removes and returns a copy; `undefined` if there is none. */
  take(bound: string): KeptListener | undefined {
    const socket = this.#kept.get(bound)
    this.#kept.delete(bound)
    return socket
  }

  close(): void {
    for (const { handle } of this.#kept.values()) handle.close()
    this.#kept.clear()
    this.#isClosed = true
  }
}
