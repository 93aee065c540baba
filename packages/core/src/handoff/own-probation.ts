import type { MoveReason } from '../api/diagnostics.js'
import type { AnswerCounter } from '../connections/answer-counter.js'
import type { Channel } from '../line/channel.js'
import type { System } from '../node/system.js'
import { deferred, within } from '../node/waits.js'
import { MoveRecord } from './move-record.js'
import { Moves } from './moves.js'
import type { ToPredecessor, ToSuccessor } from './protocol.js'

// The probation of this process, as it knows it from its predecessor; rollback.ts is the predecessor's half.

/** How long the predecessor may take until pid file and control socket lead to it. */
const servesAgainMs = 5_000

/** What a process on probation is told when its predecessor serves again. */
export interface RolledBack {
  reason: string
  /** The addresses where the predecessor serves again: `['127.0.0.1:3000']`. */
  serves: readonly string[]
  /** Moves open connections back. */
  moves: Moves
}

/** How a probation has ended; `gone` if the predecessor has: then nothing can serve in place of this process. */
export type ProbationEnd = 'proven' | 'gone' | RolledBack

/** What {@link OwnProbation} needs from the process. */
export interface OwnProbationHost {
  readonly system: System
  /** Counts the answers of this process from now on. */
  readonly countAnswers: () => AnswerCounter
  /** Called for each connection that has gone back to the predecessor. */
  readonly moved: (why: MoveReason) => void
}

/** The time in which the predecessor of this process stays behind, and can serve again. */
export class OwnProbation {
  /** When the predecessor said that all that leads to the service leads there again; `undefined` before. */
  servedAgainMs: number | undefined
  readonly #host: OwnProbationHost
  readonly #channel: Channel<ToPredecessor, ToSuccessor>
  readonly #ended = deferred<ProbationEnd>()
  readonly #servesAgain = deferred()
  #isUnderWay = false
  /** Counts the answers of this process, once its predecessor wants to know. */
  #counter: AnswerCounter | undefined
  #rolledBack: RolledBack | undefined

  constructor(host: OwnProbationHost, channel: Channel<ToPredecessor, ToSuccessor>) {
    this.#host = host
    this.#channel = channel
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** Settles when the probation has ended; never, if there was none. */
  get ended(): Promise<ProbationEnd> {
    return this.#ended.promise
  }

  /** What the predecessor said when it took the service back; `undefined` if it did not. */
  get rolledBack(): RolledBack | undefined {
    return this.#rolledBack
  }

  begin(): void {
    this.#isUnderWay = true
  }

  receive(
    message: Extract<
      ToSuccessor,
      {
        type: 'ask-alive' | 'ask-answers' | 'proven' | 'rollback' | 'serves-again' | 'return-answer'
      }
    >,
  ): void {
    switch (message.type) {
      case 'ask-alive':
        this.#send({ type: 'alive' })
        break
      case 'ask-answers':
        if (this.#isUnderWay) this.#tellAnswers()
        break
      case 'proven':
        this.#end('proven')
        break
      case 'rollback':
        this.#giveBack(message)
        break
      case 'serves-again':
        this.servedAgainMs = this.#host.system.now()
        this.#servesAgain.resolve()
        break
      case 'return-answer':
        this.#rolledBack?.moves.answered(message.of, message.id, message.isAdopted)
        break
      default:
        message satisfies never
    }
  }

  /** Settles when all that leads to the service leads to the predecessor again, or after 5 s. */
  async untilServedAgain(): Promise<void> {
    await within(this.#servesAgain.promise, servesAgainMs, this.#host.system)
  }

  /** Asks the predecessor to serve again. `ended` settles when it does. */
  askRollback(reason: string): void {
    this.#send({ type: 'ask-rollback', reason })
  }

  /** Asks the predecessor to end the probation: this process is proven. `ended` settles when it has. */
  askProven(): void {
    this.#send({ type: 'ask-proven' })
  }

  /**
   * Closes the connections on their way back: no answer will come, but the predecessor may live, and have them. Call when
   * the supervisor has died.
   */
  lose(): void {
    this.#rolledBack?.moves.lose()
  }

  /** Call when the predecessor is gone. */
  predecessorGone(): void {
    this.#rolledBack?.moves.abort()
    this.#servesAgain.resolve()
    this.#end('gone')
  }

  #tellAnswers(): void {
    this.#counter ??= this.#host.countAnswers()
    this.#send({ type: 'answers', ...this.#counter.count })
  }

  #giveBack({ reason, serves, adopts }: Extract<ToSuccessor, { type: 'rollback' }>): void {
    if (!this.#isUnderWay) return
    this.#send({ type: 'giving-back' })
    const record = new MoveRecord(() => 'rollback', this.#host.moved)
    const moves = new Moves(this.#host.system, record, ({ type, ...moved }, handle) => {
      const back = type === 'connection' ? 'returned-connection' : 'returned-upgrade'
      return this.#channel.send({ ...moved, type: back } as ToPredecessor, handle)
    })
    moves.openMigration(adopts)
    moves.openUpgrades()
    this.#rolledBack = { reason, serves, moves }
    this.#end(this.#rolledBack)
  }

  #end(end: ProbationEnd): void {
    if (!this.#isUnderWay) return
    this.#isUnderWay = false
    this.#counter?.end()
    this.#ended.resolve(end)
  }

  #send(message: ToPredecessor): void {
    // A predecessor that is gone has ended the probation.
    this.#channel.send(message).catch(() => undefined)
  }
}
