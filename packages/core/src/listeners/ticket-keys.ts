import { randomBytes } from 'node:crypto'
import type tls from 'node:tls'
import {
  hasDefaultSessionIdContext,
  hasGivenTicketKeys,
  sessionIdContextOf,
  setSessionIdContext,
} from '../node/internals/server.js'
import type { System } from '../node/system.js'

// Session ticket keys of a TLS server: passed to the successor, and renewed at an interval.

/** Size of a set of keys: name, HMAC and AES (src/crypto/crypto_context.cc, SetTicketKeys). */
const keysBytes = 48
/** How long the keys of all workers may take to arrive. */
const sharedMs = 5_000

/**
 * Keys of a TLS server's session tickets. The successor gets them, so that its clients can resume
 * their sessions. Without renewal they would live as long as the chain of generations, and an attacker
 * who got them could read all traffic that was recorded in that time. So they are renewed at an
 * interval, which a restart does not begin anew. Keys that the application sets are its own to renew.
 */
export class TicketKeys {
  readonly #server: tls.Server
  readonly #system: System
  readonly #rotationMs: number
  readonly #set: (keys: Buffer) => void
  #sinceMs = Date.now()
  #areGiven: boolean
  readonly #share: ShareTicketKeys
  #timer: NodeJS.Timeout | undefined

  /**
   * @param rotationMs lifetime of a set of keys; 0: for ever
   * @param share asks for the keys of all workers; by default, this process is alone
   */
  constructor(
    server: tls.Server,
    system: System,
    rotationMs: number,
    share: ShareTicketKeys = () => false,
  ) {
    this.#share = share
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

  /** The keys for the successor. */
  get passed(): PassedTicketKeys {
    return {
      keys: this.#server.getTicketKeys().toString('base64'),
      sinceMs: this.#sinceMs,
      sessionIdContext: sessionIdContextOf(this.#server),
    }
  }

  /** Takes over the keys of the predecessor, unless the application has set its own. */
  take({ keys, sinceMs, sessionIdContext }: PassedTicketKeys): void {
    // Node makes it of the command line, in which a deploy may have changed the path of the release.
    if (sessionIdContext !== undefined && hasDefaultSessionIdContext(this.#server)) {
      setSessionIdContext(this.#server, sessionIdContext)
    }
    if (this.#areGiven) return
    this.#set(Buffer.from(keys, 'base64'))
    // After the clock was set back, their time is in the future. As it is, it would be passed on and on, and
    // each restart would begin their lifetime anew.
    this.#sinceMs = Math.min(sinceMs, Date.now())
  }

  /** Starts to renew the keys, each time their lifetime is over. */
  start(): void {
    if (this.#rotationMs === 0 || this.#areGiven) return
    clearTimeout(this.#timer)
    // Not negative, even if the clock was set back: the keys would live too long.
    const ageMs = Math.max(0, Date.now() - this.#sinceMs)
    // Unreferenced: only handshakes need new keys.
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
    const renewed = {
      ...this.passed,
      keys: randomBytes(keysBytes).toString('base64'),
      sinceMs: Date.now(),
    }
    if (!this.#share(renewed, this.#sinceMs)) {
      this.#use(renewed)
      return
    }
    // The keys of all arrive by `take`. Unreferenced: only handshakes need new keys.
    this.#timer = this.#system
      .setTimeout(() => {
        this.#use(renewed)
      }, sharedMs)
      .unref()
  }

  #use(keys: PassedTicketKeys): void {
    this.take({ ...keys, sinceMs: Date.now() })
    this.start()
  }
}

/**
 * Offers keys in place of those that began at `sinceMs` to all workers; returns whether an answer comes, by
 * {@link TicketKeys.take}: these keys, or those of another worker.
 */
export type ShareTicketKeys = (keys: PassedTicketKeys, sinceMs: number) => boolean

/**
 * Keys of a server's TLS session tickets, in base64, when their use began (`Date.now()`), and the name under which
 * Node keeps the sessions of one server apart from those of others.
 */
export interface PassedTicketKeys {
  keys: string
  sinceMs: number
  /** A ticket is good only for a server with the same context. Another version may not say. */
  sessionIdContext?: string | undefined
}
