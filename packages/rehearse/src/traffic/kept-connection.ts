import type { ConnectionKind } from '../record/connection-log.js'
import { type Client, open, type Traced } from './client.js'

/**
 * A connection that is kept. If it has ended, the next request opens another, as in any HTTP client.
 * Over HTTP/2 several clients share one.
 */
export class KeptConnection {
  readonly #client: Client
  readonly #kind: ConnectionKind
  #clients = 0
  #current: Traced | undefined

  constructor(client: Client, kind: ConnectionKind) {
    this.#client = client
    this.#kind = kind
  }

  /** Adds a client. */
  join(): void {
    this.#clients++
  }

  /** Takes a client away; the last one closes the connection. */
  async leave(): Promise<void> {
    if (--this.#clients === 0) await this.#current?.wire.close()
  }

  /** Closes the connection before the server does; the next request opens another. */
  async renew(): Promise<void> {
    await this.#current?.wire.close()
  }

  /** Returns the connection; a new one if the last has ended. */
  get(): Traced {
    if (!this.#current?.wire.isUsable) this.#current = open(this.#client, this.#kind)
    return this.#current
  }
}
