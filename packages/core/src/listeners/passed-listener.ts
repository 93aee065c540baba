import type { RawListener } from '../node/internals/raw-handle.js'
import type { BoundAddress } from './address.js'
import type { PassedTicketKeys } from './ticket-keys.js'

// What one process passes to another for each listening socket: handle, names and ticket keys.

/** Names of a listening socket: what the application asked for, and where the socket is bound. */
export interface ListenerName {
  /** Name that the service manager gave to a socket that it bound: `app.socket`. */
  name?: string | undefined
  /** Target of the `listen` call, as canonical text: `tcp:localhost:3000`, `unix:/run/app.sock`. */
  asked: string
  bound: BoundAddress
}

/**
 * A listening socket that one process passes to another, or has received.
 * See docs/decisions.md, "The listening socket itself is passed"
 */
export interface PassedListener extends ListenerName {
  handle: RawListener
  /** Ticket keys of its TLS server: a secret, sent to generations and their supervisor only. */
  ticketKeys?: PassedTicketKeys | undefined
}
