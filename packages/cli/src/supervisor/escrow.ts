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

/**
 * Copies of the sockets on which one generation listens, and their TLS ticket keys. While a copy exists,
 * no client is refused. See docs/decisions.md, "The supervisor keeps the TLS ticket keys"
 */
export class Escrow {
  readonly #listeners = new Map<string, KeptListener>()

  get listeners(): KeptListener[] {
    return [...this.#listeners.values()]
  }

  /** Keeps a socket in place of an older copy, and returns its handle, to be lent to sends. */
  put({ handle, ...listener }: PassedListener): OwnedHandle<RawListener> {
    const address = formatAddress(listener.bound)
    this.release(address)
    const owned = new OwnedHandle(handle)
    this.#listeners.set(address, { ...listener, handle: owned })
    return owned
  }

  release(address: string): void {
    this.#listeners.get(address)?.handle.close()
    this.#listeners.delete(address)
  }

  close(): void {
    for (const address of this.#listeners.keys()) this.release(address)
  }
}
