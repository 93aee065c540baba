import { formatAddress, type PassedListener } from '@endless/core/for-cli'

/**
 * Copies of the sockets on which one generation listens, and their TLS ticket keys. While a copy exists,
 * no client is refused. See docs/decisions.md, "The supervisor keeps the TLS ticket keys"
 */
export class Escrow {
  readonly #listeners = new Map<string, PassedListener>()

  get listeners(): PassedListener[] {
    return [...this.#listeners.values()]
  }

  put(listener: PassedListener): void {
    const address = formatAddress(listener.bound)
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
