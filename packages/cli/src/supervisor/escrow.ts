import {
  formatAddress,
  type ListenerName,
  type PassedTicketKeys,
  type RawHandle,
} from '@endless/core/for-cli'

/** A listening socket, of which this process keeps a copy. */
export interface KeptListener extends ListenerName {
  handle: RawHandle
  /** Those of its TLS server: a secret, which goes to a generation and nowhere else. */
  ticketKeys?: PassedTicketKeys | undefined
}

/** Copies of the sockets that one generation listens on: while there is one, nobody is refused. */
export class Escrow {
  readonly #listeners = new Map<string, KeptListener>()

  get listeners(): KeptListener[] {
    return [...this.#listeners.values()]
  }

  put(listener: KeptListener): void {
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
