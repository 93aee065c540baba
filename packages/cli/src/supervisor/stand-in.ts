import {
  formatAddress,
  type PassedListener,
  type PassedTicketKeys,
  protocolVersion,
  type SupervisorFacts,
} from '@endless/core/for-cli'
import { Escrow } from './escrow.js'
import type { Generation } from './generation.js'

/**
 * The supervisor in the place of a predecessor, for a generation that has none: the first, and one that
 * replaces a dead one. It gives what that one would have given: the
 * sockets with their ticket keys, and the word to accept.
 */
export class StandIn {
  readonly #facts: () => SupervisorFacts
  /** What is to be listened on while nobody serves. */
  #kept = new Escrow()

  constructor(facts: () => SupervisorFacts) {
    this.#facts = facts
  }

  put(listeners: readonly PassedListener[]): void {
    for (const listener of listeners) this.#kept.put(listener)
  }

  /** Keeps what a generation has listened on that is gone, in the place of what was kept. */
  keep(escrow: Escrow): void {
    this.#kept.close()
    this.#kept = escrow
  }

  /** Keeps nothing any more: another generation serves, or none ever will. */
  release(): void {
    this.keep(new Escrow())
  }

  /** Answers the hello of a generation. */
  welcome(generation: Generation): void {
    const keys: Record<string, PassedTicketKeys> = {}
    for (const { handle, ticketKeys, ...name } of this.#kept.listeners) {
      void generation.send({ type: 'listener', ...name }, handle)
      if (ticketKeys) keys[formatAddress(name.bound)] = ticketKeys
    }
    generation.isWelcomed = true
    void generation.send({
      type: 'welcome',
      version: protocolVersion,
      generation: generation.number,
      directory: '',
      addedExecArgv: [],
      ticketKeys: keys,
      supervisor: this.#facts(),
    })
  }

  /** Lets one accept that is ready. */
  letServe(generation: Generation): void {
    void generation.send({ type: 'taken-over' })
    void generation.send({ type: 'predecessor-gone' })
  }

  /** Goes on where a predecessor has ended. */
  succeed(successor: Generation): void {
    if (!successor.isWelcomed && successor.hasSaidHello) this.welcome(successor)
    else if (successor.isReady) this.letServe(successor)
  }
}
