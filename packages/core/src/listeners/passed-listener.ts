import type { RawListener } from '../node/internals.js'
import type { BoundAddress } from './address.js'
import type { PassedTicketKeys } from './ticket-keys.js'

/** A listening socket by what the application asked for and by what it got. */
export interface ListenerName {
  /** What a service manager calls it, if it has it from there: `app.socket`. */
  name?: string | undefined
  /** `{ port, host, … }` of the call, in one canonical text: `tcp:localhost:3000`, `unix:/run/app.sock`. */
  asked: string
  bound: BoundAddress
}

/** A listening socket that one process passes to another, or has from another. */
export interface PassedListener extends ListenerName {
  handle: RawListener
  /** Those of its TLS server, if it is one: a secret, which goes to a generation and nowhere else. */
  ticketKeys?: PassedTicketKeys | undefined
}
