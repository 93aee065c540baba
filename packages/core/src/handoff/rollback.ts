import type { MoveReason } from '../api/diagnostics.js'
import type { MovedConnection } from '../migration/migration.js'
import type { MovedUpgrade } from '../migration/upgrade-migration.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import { deferred, late, turns, within } from '../node/waits.js'
import { adoptMoved } from './adopt-moved.js'
import type { SuccessorSignal, ToPredecessor, ToSuccessor } from './protocol.js'

// The end of a successor in whose place its predecessor serves again; own-probation.ts is the successor's half.

/** How long a successor that lives may take to react: one whose event loop is blocked never does. */
const reactMs = 2_000

/** What {@link Rollback} needs from the successor. */
export interface RollbackHost {
  readonly system: System
  /** Its pid, which the supervisor needs to answer it. */
  readonly pid: number
  /** Whether it knows the messages of a rollback. */
  readonly givesBack: boolean
  readonly exited: Promise<unknown>
  readonly send: (message: ToSuccessor) => void
  /** Called before the successor is told to shut down: it would remove the paths on which this process serves. */
  readonly keepPaths: () => void
  readonly signal: (signal: SuccessorSignal) => void
  /** Takes over an open connection; returns whether a server of this process is there for it. */
  readonly adopt: (moved: MovedConnection | MovedUpgrade, handle: RawHandle) => boolean
  /** Called for each connection that is here again. */
  readonly moved: (why: MoveReason) => void
}

/** The messages of a successor that gives back what it has. */
export type Returning = Extract<
  ToPredecessor,
  { type: 'giving-back' | 'returned-connection' | 'returned-upgrade' }
>

/** Takes back what a successor has: its open connections move here, and then it ends. */
export class Rollback {
  readonly #host: RollbackHost
  readonly #reacted = deferred()
  #hasReacted = false

  constructor(host: RollbackHost) {
    this.#host = host
  }

  /**
   * Tells the successor to end. One that does not react is killed.
   *
   * @param serves the addresses where this process serves again
   * @param adopts those where it adopts connections
   */
  begin(reason: string, serves: string[], adopts: string[]): void {
    const { givesBack, send } = this.#host
    if (givesBack) {
      send({ type: 'rollback', reason, serves, adopts })
      void this.#watch()
    } else {
      this.#shutDown()
    }
  }

  /** Makes sure that the successor ends which can be told nothing more: whether it knows is not known. */
  lose(): void {
    if (!this.#hasReacted) this.#shutDown()
    this.#react()
  }

  receive(message: Returning, handle: RawHandle | undefined): void {
    const { pid, send, adopt, moved: count } = this.#host
    if (message.type === 'giving-back') {
      this.#react()
      return
    }
    const moved =
      message.type === 'returned-connection'
        ? { ...message, type: 'connection' as const }
        : { ...message, type: 'upgrade' as const }
    adoptMoved(
      handle,
      (given) => adopt(moved, given),
      (isAdopted) => {
        if (isAdopted) count('rollback')
        send({ type: 'return-answer', of: moved.type, id: moved.id, isAdopted, to: pid })
      },
    )
  }

  #react(): void {
    this.#hasReacted = true
    this.#reacted.resolve()
  }

  /** Ends the successor as another version does, which knows nothing of a rollback: its connections end with it. */
  #shutDown(): void {
    this.#host.keepPaths()
    this.#host.signal('SIGTERM')
  }

  async #watch(): Promise<void> {
    const { system, exited, signal } = this.#host
    const reaction = await within(Promise.race([this.#reacted.promise, exited]), reactMs, system)
    if (reaction !== late) return
    // If this process was blocked, the timer is first, and the reaction waits in the kernel.
    await turns(2)
    if (!this.#hasReacted) signal('SIGKILL')
  }
}
