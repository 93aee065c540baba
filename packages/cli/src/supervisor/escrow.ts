import {
  formatAddress,
  OwnedHandle,
  type Passable,
  type PassedTicketKeys,
  type RawHandle,
} from '@endless/core/for-cli'

/** A socket that the supervisor keeps: its copy is closed by its {@link Escrow} alone. */
export interface KeptSocket extends Omit<Passable, 'handle'> {
  readonly handle: OwnedHandle<RawHandle>
}

/** The most sockets of one generation: each is a descriptor of this process. */
const mostSockets = 4_096

/**
 * Copies of the sockets that clients of one generation know, and their TLS ticket keys. While a copy exists,
 * no client is refused. See docs/decisions.md, "The supervisor keeps the TLS ticket keys"
 */
export class Escrow {
  readonly #sockets = new Map<string, KeptSocket>()

  get sockets(): KeptSocket[] {
    return [...this.#sockets.values()]
  }

  /**
   * Keeps a socket in place of an older copy, and returns its handle, to be lent to sends.
   *
   * @throws Error if it holds too many; the handle is still the caller's
   */
  put({ handle, ...socket }: Passable): OwnedHandle<RawHandle> {
    const address = formatAddress(socket.bound)
    if (this.#sockets.size >= mostSockets && !this.#sockets.has(address)) {
      throw new Error('it has too many sockets')
    }
    this.release(address)
    const owned = new OwnedHandle<RawHandle>(handle)
    this.#sockets.set(address, { ...socket, handle: owned })
    return owned
  }

  ticketKeysAt(address: string): PassedTicketKeys | undefined {
    return this.#sockets.get(address)?.ticketKeys
  }

  renewTicketKeys(address: string, ticketKeys: PassedTicketKeys): void {
    const socket = this.#sockets.get(address)
    if (socket) this.#sockets.set(address, { ...socket, ticketKeys })
  }

  release(address: string): void {
    this.#sockets.get(address)?.handle.close()
    this.#sockets.delete(address)
  }

  /** Moves the sockets at these addresses to another escrow, and closes the others. */
  give(to: Escrow, addresses: readonly string[]): void {
    for (const [address, socket] of this.#sockets) {
      if (!addresses.includes(address)) continue
      to.release(address)
      to.#sockets.set(address, socket)
      this.#sockets.delete(address)
    }
    this.close()
  }

  close(): void {
    for (const address of this.#sockets.keys()) this.release(address)
  }
}
