import { formatAddress, type PassedListener } from '@endless/core/for-cli'

/** The most sockets of one generation: each is a descriptor of this process. */
const mostListeners = 4_096

/**
 * Copies of the sockets on which one generation listens, and their TLS ticket keys. While a copy exists,
 * no client is refused. See docs/decisions.md, "The supervisor keeps the TLS ticket keys"
 */
export class Escrow {
  readonly #listeners = new Map<string, PassedListener>()

  get listeners(): PassedListener[] {
    return [...this.#listeners.values()]
  }

  /** @throws Error if it holds too many; the handle is still the caller's */
  put(listener: PassedListener): void {
    const address = formatAddress(listener.bound)
    if (this.#listeners.size >= mostListeners && !this.#listeners.has(address)) {
      throw new Error('it listens on too many sockets')
    }
    this.release(address)
    this.#listeners.set(address, listener)
  }

  release(address: string): void {
    this.#listeners.get(address)?.handle.close()
    this.#listeners.delete(address)
  }

  close(): void {
    for (const address of this.#listeners.keys()) this.release(address)
  }
}
