import { randomBytes } from 'node:crypto'
import type tls from 'node:tls'
import { hasGivenTicketKeys } from '../node/internals.js'
import type { System } from '../node/system.js'

/** What Node takes for one set of keys: name, HMAC and AES (src/crypto/crypto_context.cc, SetTicketKeys). */
const keysBytes = 48

/**
 * The keys of a TLS server's session tickets. They go to the successor, so that its clients resume
 * their sessions; without more they would then live as long as the chain of generations, and whoever
 * got hold of them could read all that was recorded in that time. So new ones come at an interval,
 * which a restart does not begin anew. Keys that the application sets are its own to renew.
 */
export class TicketKeys {
  readonly #server: tls.Server
  readonly #system: System
  readonly #rotationMs: number
  readonly #set: (keys: Buffer) => void
  #sinceMs = Date.now()
  #areGiven: boolean
  #timer: NodeJS.Timeout | undefined

  /** @param rotationMs how long a set of keys lives; 0: for ever */
  constructor(server: tls.Server, system: System, rotationMs: number) {
    this.#server = server
    this.#system = system
    this.#rotationMs = rotationMs
    this.#areGiven = hasGivenTicketKeys(server)
    this.#set = server.setTicketKeys.bind(server)
    server.setTicketKeys = (keys) => {
      this.#set(keys)
      this.#areGiven = true
      this.stop()
    }
  }

  /** What the successor is given. */
  get passed(): PassedTicketKeys {
    return { keys: this.#server.getTicketKeys().toString('base64'), sinceMs: this.#sinceMs }
  }

  /** Goes on with the keys of the predecessor, unless the application has set others. */
  take({ keys, sinceMs }: PassedTicketKeys): void {
    if (this.#areGiven) return
    this.#set(Buffer.from(keys, 'base64'))
    this.#sinceMs = sinceMs
  }

  /** Renews the keys from now on, each time that theirs is over. */
  start(): void {
    if (this.#rotationMs === 0 || this.#areGiven) return
    clearTimeout(this.#timer)
    // A clock that was set back must not let them live longer than one that runs on.
    const ageMs = Math.max(0, Date.now() - this.#sinceMs)
    // Unreferenced: only handshakes need it.
    this.#timer = this.#system
      .setTimeout(
        () => {
          this.#renew()
        },
        Math.max(0, this.#rotationMs - ageMs),
      )
      .unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #renew(): void {
    this.#set(randomBytes(keysBytes))
    this.#sinceMs = Date.now()
    this.start()
  }
}

/** The keys of a server's TLS session tickets, in base64, and since when they are in use (`Date.now()`). */
export interface PassedTicketKeys {
  keys: string
  sinceMs: number
}
