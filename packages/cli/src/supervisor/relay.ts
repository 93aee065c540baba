import type {
  ListenerName,
  MovedConnection,
  MovedUpgrade,
  RawHandle,
  RawListener,
  SupervisorFacts,
  ToPredecessor,
  ToSuccessor,
} from '@endless/core/for-cli'
import type { Generation } from './generation.js'
import type { StandIn } from './stand-in.js'

/** What a generation says to another: all but what is for the supervisor itself. */
export type Passed = Exclude<ToPredecessor | ToSuccessor, { type: 'serving' }>

/**
 * Passes on what generations give each other, by its type: what a predecessor says goes to the successor, and
 * the other way round. It notes what the supervisor has to know of it, and keeps a copy of each
 * listening socket.
 */
export class Relay {
  readonly #standIn: StandIn
  readonly #facts: () => SupervisorFacts
  readonly #onTakenOver: (generation: Generation, afterMs: number | undefined) => void

  /** @param onTakenOver called with a successor that is told to accept, before it is, and how long the restart took */
  constructor(
    standIn: StandIn,
    facts: () => SupervisorFacts,
    onTakenOver: (generation: Generation, afterMs: number | undefined) => void,
  ) {
    this.#standIn = standIn
    this.#facts = facts
    this.#onTakenOver = onTakenOver
  }

  /** @throws if it is of no known type */
  receive(from: Generation, message: Passed, handle: RawHandle | undefined): void {
    const { predecessor, successor } = from
    switch (message.type) {
      case 'welcome':
        if (successor) {
          successor.number = message.generation
          successor.isWelcomed = true
        }
        void pass(successor, { ...message, supervisor: this.#facts() }, handle)
        return
      case 'taken-over':
        if (successor) this.#onTakenOver(successor, message.afterMs)
        // What the successor does not listen on must refuse; what it does is among its own.
        from.escrow.close()
        void pass(successor, message, handle)
        return
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
        if (predecessor) void pass(predecessor, message, handle)
        else this.#standIn.welcome(from)
        return
      case 'escrow':
        if (!handle) return
        // This process keeps it, and so does the predecessor while there is one.
        from.escrow.put({
          ...nameOf(message),
          handle: handle as RawListener,
          ticketKeys: message.ticketKeys,
        })
        void predecessor?.send({ type: 'escrow', ...nameOf(message) }, handle)
        return
      case 'released':
        from.escrow.release(message.bound)
        void pass(predecessor, message, handle)
        return
      case 'ready':
        from.isReady = true
        from.wanted = { pidFile: message.pidFile, control: message.control }
        from.readyTimeoutMs = message.readyTimeoutMs
        if (predecessor) void pass(predecessor, message, handle)
        else this.#standIn.letServe(from)
        return
      case 'leaving':
        from.hasLeft = true
        from.escrow.close()
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
        void pass(predecessor, message, handle)
        return
      default:
        message satisfies never
        throw new Error('it is of no known type')
    }
  }
}

function nameOf({ asked, bound }: ListenerName): ListenerName {
  return { asked, bound }
}

/** Passes an open connection on, and answers for a successor that has no descriptor left for it. */
async function passConnection(
  from: Generation,
  message: MovedConnection | MovedUpgrade,
  handle: RawHandle | undefined,
): Promise<void> {
  if (await pass(from.successor, message, handle)) return
  const type = message.type === 'connection' ? 'declined' : 'upgrade-declined'
  await from.send({ type, id: message.id })
}

/** Sends it on, as {@link Generation.send} does; this process keeps nothing of it. */
async function pass(
  to: Generation | undefined,
  message: Passed,
  handle: RawHandle | undefined,
): Promise<boolean> {
  const isPassed = (await to?.send(message, handle)) ?? true
  handle?.close()
  return isPassed
}
