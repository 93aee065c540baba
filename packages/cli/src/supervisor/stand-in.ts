import {
  type Counts,
  formatAddress,
  isUdp,
  type PassedListener,
  type PassedTicketKeys,
  protocolVersion,
  type SupervisorFacts,
} from '@endless/core/for-cli'
import { Escrow, type KeptSocket } from './escrow.js'
import type { Generation } from './generation.js'

/**
 * Stands in for the predecessor of a generation that has none: the first, or one that replaces a dead
 * generation. Sends what a predecessor would send: the sockets with their ticket keys, and the message to
 * accept.
 */
export class StandIn {
  readonly #facts: () => SupervisorFacts
  readonly #shared: () => KeptSocket[]
  readonly #counts: () => Counts
  /** Sockets for the next generation, kept while nothing serves. */
  #kept = new Escrow()

  /**
   * @param shared returns the sockets on which other slots serve
   * @param counts returns what the service has counted
   */
  constructor(facts: () => SupervisorFacts, shared: () => KeptSocket[], counts: () => Counts) {
    this.#facts = facts
    this.#shared = shared
    this.#counts = counts
  }

  put(listeners: readonly PassedListener[]): void {
    for (const listener of listeners) this.#kept.put(listener)
  }

  /** Keeps the sockets of a generation that is gone, and closes those kept so far. */
  keep(escrow: Escrow): void {
    this.#kept.close()
    this.#kept = escrow
  }

  /** Closes all kept sockets: a generation serves, or none ever will. */
  release(): void {
    this.keep(new Escrow())
  }

  /** Answers the hello of a generation. */
  welcome(generation: Generation): void {
    const keys: Record<string, PassedTicketKeys> = {}
    const shared = this.#shared()
    // What other slots serve counts: a release may have changed the ports since this slot served.
    for (const socket of shared.length > 0 ? shared : this.#kept.sockets) {
      lend(socket, generation)
      if (socket.ticketKeys) keys[formatAddress(socket.bound)] = socket.ticketKeys
    }
    generation.isWelcomed = true
    void generation.send({
      type: 'welcome',
      version: protocolVersion,
      generation: generation.number,
      directory: '',
      ticketKeys: keys,
      counts: this.#counts(),
      supervisor: this.#facts(),
    })
  }

  /** Makes a generation that is ready accept. */
  letServe(generation: Generation): void {
    void generation.send({ type: 'taken-over' })
    void generation.send({ type: 'predecessor-gone' })
  }

  /** Continues a handoff whose predecessor has ended. */
  succeed(successor: Generation): void {
    if (!successor.isWelcomed && successor.hasSaidHello) this.welcome(successor)
    else if (successor.isReady) this.letServe(successor)
  }
}

/** Sends a copy of a kept socket to a generation, which may claim it. */
export function lend(socket: KeptSocket, to: Generation): void {
  if (isUdp(socket) && !to.takesUdp) return
  const { asked, bound, name, handle } = socket
  void handle.lend((copy) => to.send({ type: 'listener', asked, bound, name }, copy))
}
