import type { RawListener, RawUdpHandle } from '../node/internals/raw-handle.js'
import type { BoundAddress, ListenerAddress, UdpAddress } from './address.js'
import type { PassedTicketKeys } from './ticket-keys.js'

// What one process passes to another for each socket that clients know: handle, names and ticket keys.

/** Names of a socket: what the application asked for, and where the socket is bound. */
export interface ListenerName {
  /** Name that the service manager gave to a socket that it bound: `app.socket`. */
  name?: string | undefined
  /**
   * Target of the `listen` call, as canonical text: `tcp:localhost:3000`, `unix:/run/app.sock`. For a UDP socket
   * where it is bound: `udp:127.0.0.1:8125`.
   */
  asked: string
  bound: BoundAddress
}

/**
 * A listening socket that one process passes to another, or has received.
 * See docs/decisions.md, "The listening socket itself is passed"
 */
export interface PassedListener extends ListenerName {
  bound: ListenerAddress
  handle: RawListener
  /** Ticket keys of its TLS server: a secret, sent to generations and their supervisor only. */
  ticketKeys?: PassedTicketKeys | undefined
}

/**
 * A bound UDP socket that one process passes to another, or has received.
 * See docs/decisions.md, "One UDP socket, and one process that reads from it"
 */
export interface PassedUdpSocket extends ListenerName {
  bound: UdpAddress
  handle: RawUdpHandle
  ticketKeys?: undefined
}

/** Any socket that one process passes to another. */
export type Passable = PassedListener | PassedUdpSocket

export function isUdp<T extends Pick<ListenerName, 'bound'>>(
  socket: T,
): socket is T & { bound: UdpAddress } {
  return 'transport' in socket.bound
}
