import {
  formatAddress,
  OwnedHandle,
  type PassedListener,
  type RawListener,
} from '@endless/core/for-cli'

/** A listening socket that the supervisor keeps: its copy is closed by its {@link Escrow} alone. */
export interface KeptListener extends Omit<PassedListener, 'handle'> {
  readonly handle: OwnedHandle<RawListener>
}

/** The most sockets of one generation: each is a descriptor of this process. */
const mostListeners = 4_096

/**
 * Copies of the sockets on which one generation listens, and their TLS ticket keys. While a copy exists,
 * no client is refused. See docs/decisions.md, "The supervisor keeps the TLS ticket keys"
 */
export class Escrow {
  readonly #listeners = new Map<string, KeptListener>()

  get listeners(): KeptListener[] {
    return [...this.#listeners.values()]
  }

  /**
   * Keeps a socket in place of an older copy, and returns its handle, to be lent to sends.
   *
   * @throws Error if it holds too many; the handle is still the caller's
   */
  put({ handle, ...listener }: PassedListener): OwnedHandle<RawListener> {
    const address = formatAddress(listener.bound)
    if (this.#listeners.size >= mostListeners && !this.#listeners.has(address)) {
      throw new Error('it listens on too many sockets')
    }
    this.release(address)
    const owned = new OwnedHandle(handle)
    this.#listeners.set(address, { ...listener, handle: owned })
    return owned
  }

  release(address: string): void {
    this.#listeners.get(address)?.handle.close()
    this.#listeners.delete(address)
  }

  /** Moves the sockets at these addresses to another escrow, and closes the others. */
  give(to: Escrow, addresses: readonly string[]): void {
    for (const [address, listener] of this.#listeners) {
      if (!addresses.includes(address)) continue
      to.release(address)
      to.#listeners.set(address, listener)
      this.#listeners.delete(address)
    }
    this.close()
  }

  close(): void {
    for (const address of this.#listeners.keys()) this.release(address)
  }
}
