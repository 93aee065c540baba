import {
  formatAddress,
  isUdp,
  type Counts,
  type MovedConnection,
  type MovedUpgrade,
  type MoveReason,
  type Passable,
  type RawHandle,
  type SupervisorFacts,
  type Takeover,
  type ToPredecessor,
  type ToSuccessor,
} from '@endless/core/for-cli'
import type { Generation } from './generation.js'
import type { KeptSocket } from './escrow.js'
import { Probation } from './probation.js'
import { passBack } from './returns.js'
import { lend, type StandIn } from './stand-in.js'

// Passes messages and handles from one generation to another.

/** Message from one generation to another: all but those for the supervisor itself, or where there is none. */
export type Passed = Exclude<
  ToPredecessor | ToSuccessor,
  { type: 'serving' | 'heir' | 'ask-metrics' | 'metrics' | 'counted' }
>

/** What {@link Relay} needs from its slot. */
export interface RelayHost {
  /** Returns the sockets on which other slots serve. */
  shared(): KeptSocket[]
  /** Called with a successor before it is told to accept, and what its predecessor says. */
  takenOver(generation: Generation, takeover: Takeover): void
  /** Called when a generation shuts itself down. */
  left(generation: Generation): void
  /** Called with a successor before it is told that its predecessor serves again. */
  rolledBack(generation: Generation, predecessor: Generation, reason: string): void
  /** Called with a generation that is hammered, since too many live. */
  surplus(generation: Generation): void
  /** Called for each connection that one generation has taken over from another. */
  moved(why: MoveReason): void
  /** Returns what the service has counted. */
  counts(): Counts
}

/**
 * Passes messages between predecessor and successor; the type of a message says which of them it is for.
 * Notes what the supervisor has to know, and keeps a copy of each listening socket.
 * See docs/decisions.md, "The supervisor is a relay"
 */
export class Relay {
  readonly #standIn: StandIn
  readonly #facts: () => SupervisorFacts
  readonly #host: RelayHost

  constructor(standIn: StandIn, facts: () => SupervisorFacts, host: RelayHost) {
    this.#standIn = standIn
    this.#facts = facts
    this.#host = host
  }

  /**
   * Handles a message of a generation.
   *
   * @throws if the type of the message is unknown
   */
  receive(from: Generation, message: Passed, handle: RawHandle | undefined): void {
    const { predecessor, successor } = from
    const why = moveThatEnds(message)
    if (why) this.#host.moved(why)
    if (from.rolledBackBy) {
      void passBack(from, message, handle)
      return
    }
    switch (message.type) {
      case 'welcome':
        if (successor) this.#welcome(from, successor, message)
        return
      case 'taken-over':
        // The successor has ended: its predecessor hears of that next, and needs the copies of its sockets.
        if (!successor) return
        this.#host.takenOver(successor, message)
        if (message.probationMs !== undefined) successor.probation = new Probation()
        // Copies of the successor's sockets are in its own escrow. A socket that it does not use must refuse.
        from.escrow.close()
        void pass(successor, message, handle)
        return
      case 'proven':
        successor?.probation?.end('proven')
        void pass(successor, message, handle)
        return
      case 'rollback':
        if (!successor?.probation?.isUnderWay) return
        void pass(successor, message, handle)
        successor.escrow.give(from.escrow, message.serves)
        this.#host.rolledBack(successor, from, message.reason)
        successor.probation.end('rolled-back')
        return
      case 'serves-again':
      case 'return-answer':
        void pass(from.rolledBack.get(message.to), message, handle)
        return
      case 'ask-alive':
      case 'ask-answers':
      case 'listener':
      case 'older':
        void pass(successor, message, handle)
        return
      case 'connection':
      case 'upgrade':
        void passConnection(from, message, handle)
        return
      case 'hello':
        from.hasSaidHello = true
        from.takesUdp = message.takesUdp ?? false
        if (predecessor) void pass(predecessor, message, handle)
        else if (!from.isHeld) this.#standIn.welcome(from)
        return
      case 'escrow':
        if (!handle) return
        // Kept here, and also by the predecessor while it lives.
        this.#keep(from, message, handle)
        return
      case 'released':
        from.escrow.release(message.bound)
        void pass(predecessor, message, handle)
        return
      case 'ready':
        from.isReady = true
        from.wanted = { pidFile: message.pidFile, control: message.control }
        from.readyTimeoutMs = message.readyTimeoutMs
        from.probationMs = message.probationMs
        if (predecessor) void pass(predecessor, message, handle)
        else if (!from.isHeld) this.#standIn.letServe(from)
        return
      case 'leaving':
        this.#host.left(from)
        void pass(predecessor, message, handle)
        return
      case 'giving-back':
      case 'returned-connection':
      case 'returned-upgrade':
        // Nobody has told it to give anything back.
        handle?.close()
        return
      case 'limit':
        if (predecessor && message.living === 0) this.#host.surplus(predecessor)
        void pass(predecessor, message, handle)
        return
      case 'error':
        from.lastWords.diedOf(message.error)
        void pass(predecessor, message, handle)
        return
      case 'stderr':
        from.lastWords.wrote(message.text)
        void pass(predecessor, message, handle)
        return
      case 'ask-older':
      case 'adopted':
      case 'declined':
      case 'upgrade-adopted':
      case 'upgrade-declined':
      case 'succeeded':
      case 'taken-back':
      case 'ask-rollback':
      case 'ask-proven':
      case 'alive':
      case 'answers':
        void pass(predecessor, message, handle)
        return
      default:
        message satisfies never
        throw new Error('its type is unknown')
    }
  }

  /**
   * Passes a welcome on. In a roll, the slots before have the new version already, and share with this
   * successor what its own predecessor does not have: sockets at new addresses, and their ticket keys.
   */
  #welcome(
    from: Generation,
    successor: Generation,
    message: Extract<Passed, { type: 'welcome' }>,
  ): void {
    successor.number = message.generation
    successor.isWelcomed = true
    const own = new Set(from.escrow.sockets.map(({ bound }) => formatAddress(bound)))
    const ticketKeys = { ...message.ticketKeys }
    for (const socket of this.#host.shared()) {
      const address = formatAddress(socket.bound)
      if (socket.ticketKeys) ticketKeys[address] = socket.ticketKeys
      if (!own.has(address)) lend(socket, successor)
    }
    const counts = this.#host.counts()
    void successor.send({ ...message, ticketKeys, counts, supervisor: this.#facts() })
  }

  /**
   * Keeps a copy of a socket of a generation; its predecessor gets one too, while it lives. It has kept its own UDP
   * sockets.
   */
  #keep(from: Generation, message: Extract<Passed, { type: 'escrow' }>, handle: RawHandle): void {
    const { asked, bound, ticketKeys } = message
    const kept = from.escrow.put({ asked, bound, handle, ticketKeys } as Passable)
    const { predecessor } = from
    if (predecessor && !isUdp(message))
      void kept.lend((copy) => predecessor.send({ type: 'escrow', asked, bound }, copy))
  }
}

/** Returns why a connection has moved, if this message says that it has. */
function moveThatEnds(message: Passed): MoveReason | undefined {
  if (message.type === 'adopted' || message.type === 'upgrade-adopted') return 'restart'
  return message.type === 'return-answer' && message.isAdopted ? 'rollback' : undefined
}

/** Passes on an open connection; declines it for a successor that has no file descriptor left for it. */
async function passConnection(
  from: Generation,
  message: MovedConnection | MovedUpgrade,
  handle: RawHandle | undefined,
): Promise<void> {
  const to = from.successor
  if (await pass(to, message, handle)) return
  const type = message.type === 'connection' ? 'declined' : 'upgrade-declined'
  // Whom it was for: that may have been rolled back meanwhile, and another one be the successor.
  await from.send({ type, id: message.id, from: to?.pid })
}

/** Sends a message on, as {@link Generation.send} does, and closes the handle in this process. */
async function pass(
  to: Generation | undefined,
  message: Passed,
  handle: RawHandle | undefined,
): Promise<boolean> {
  const isPassed = (await to?.send(message, handle)) ?? true
  handle?.close()
  return isPassed
}
