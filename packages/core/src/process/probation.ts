import { EndlessError } from '../api/endless-error.js'
import { atStart, generationName, type NamedGeneration } from '../api/generation-name.js'
import type { AnswerCount } from '../connections/answer-counter.js'
import type { Successor } from '../handoff/successor.js'
import { longestDelayMs, type System } from '../node/system.js'
import { deferred } from '../node/waits.js'
import { ErrorWatch } from './error-watch.js'
import { SignOfLife } from './sign-of-life.js'

// The probation of a successor, on the side of its predecessor, which stays behind meanwhile.

/** What {@link Probation} needs from the process that stays behind. */
export interface ProbationHost {
  readonly system: Pick<System, 'setTimeout' | 'now'>
  readonly successor: Pick<
    Successor,
    'prove' | 'serving' | 'left' | 'cutOff' | 'lost' | 'onPlea' | 'askAlive' | 'askAnswers'
  >
  /** How long it lasts, in ms; negative: until it is ended. */
  readonly probationMs: number
  /** How long the event loop of the successor may be blocked, in ms; 0: for ever. */
  readonly maxBlockedMs: number
  /** Which share of its answers may be errors, and what this process has answered; `undefined`: nobody counts. */
  readonly errors?: { maxErrors: number; before: AnswerCount } | undefined
  /** Called when it has passed. */
  readonly proved: () => void
  /** Called when the successor is to be rolled back, and why. */
  readonly rollBack: (reason: string) => void
}

/**
 * The time after a takeover in which this process can serve again, in the place of a living successor too.
 * See docs/decisions.md, "The one that stays behind decides"
 */
export class Probation {
  readonly #host: ProbationHost
  readonly #over = deferred()
  readonly #proven = deferred()
  readonly #timer: NodeJS.Timeout
  readonly #signOfLife: SignOfLife | undefined
  readonly #errorWatch: ErrorWatch | undefined
  #isUnderWay = true

  constructor(host: ProbationHost) {
    const { system, successor, probationMs, maxBlockedMs, errors, rollBack } = host
    this.#host = host
    // A probation may be rolled back before anybody awaits it.
    this.#proven.promise.catch(() => undefined)
    // Referenced: nothing else keeps a process alive that stays behind.
    this.#timer =
      probationMs < 0
        ? setInterval(() => undefined, longestDelayMs)
        : system.setTimeout(() => {
            // One that has not said that it serves has proven nothing: its death may not have been heard of yet.
            void successor.serving.then(() => {
              this.prove()
            })
          }, probationMs)
    successor.onPlea = (plea) => {
      if (plea.type === 'alive') this.#signOfLife?.heard()
      else if (plea.type === 'answers') this.#errorWatch?.heard(plea)
      else if (plea.type === 'ask-proven') this.prove()
      else if (this.#isUnderWay) rollBack(plea.reason)
    }
    const { askAlive, askAnswers } = successor
    this.#signOfLife =
      askAlive && maxBlockedMs > 0
        ? new SignOfLife({
            system,
            maxSilentMs: maxBlockedMs,
            ask: askAlive,
            missed: () => {
              rollBack(`its event loop was blocked for ${String(maxBlockedMs / 1_000)} s`)
            },
          })
        : undefined
    this.#errorWatch =
      errors && askAnswers
        ? new ErrorWatch({ ...errors, system, ask: askAnswers, worse: rollBack })
        : undefined
    // One that cannot be told so could not be rolled back: it would serve on.
    const unreachable = 'its predecessor cannot reach it any more, and so cannot roll it back'
    void successor.left.then(() => this.#end('it was told to stop'))
    void successor.cutOff.then(() => this.#end(unreachable))
    void successor.lost.then(() => this.#end(unreachable))
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** Settles when this process need not stay behind any more. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /**
   * Settles when the probation has passed.
   *
   * @throws (rejects) `ERR_ENDLESS_ROLLED_BACK`; `ERR_ENDLESS_NOT_ON_PROBATION` if it has ended before, since the
   * successor was told to stop or cannot be reached any more
   */
  get proven(): Promise<void> {
    return this.#proven.promise
  }

  /** Ends the probation: the successor is proven. */
  prove(): void {
    if (!this.#isUnderWay) return
    this.#host.successor.prove()
    this.#settle()
    this.#proven.resolve()
    this.#over.resolve()
    this.#host.proved()
  }

  /** Ends the probation, and leaves open what becomes of the successor. */
  #end(why: string): void {
    if (!this.#isUnderWay) return
    this.#settle()
    this.#proven.reject(
      new EndlessError(
        'ERR_ENDLESS_NOT_ON_PROBATION',
        `The new version is not proven: before its probation had passed, ${why}.`,
      ),
    )
    this.#over.resolve()
  }

  /** Ends the probation: this process serves again. */
  rolledBack(error: EndlessError): void {
    if (!this.#isUnderWay) return
    this.#settle()
    this.#proven.reject(error)
  }

  #settle(): void {
    this.#isUnderWay = false
    this.#signOfLife?.end()
    this.#errorWatch?.end()
    clearTimeout(this.#timer)
  }
}

/** Returns the length of a probation as a message can say it: JSON has no Infinity. */
export function finiteMs(probationMs: number): number {
  return Math.max(-1, probationMs)
}

/** The longest reason for a rollback that is kept. */
const longestReason = 2_000

/** Returns a given reason as it stands in logs and errors. */
export function reasonText(given: unknown): string {
  const text = typeof given === 'string' ? given.trim().replace(/\.$/, '') : ''
  return text === '' ? 'a rollback was requested' : text.slice(0, longestReason)
}

/** Creates the error of a successor that lives and is rolled back. */
export function rolledBack(
  reason: string,
  successor: NamedGeneration & { stderr: string[] },
  predecessor: NamedGeneration,
): EndlessError {
  const { pid, stderr } = successor
  return new EndlessError(
    'ERR_ENDLESS_ROLLED_BACK',
    `${atStart(generationName(successor))} was rolled back while on probation: ${reason}. ` +
      `${atStart(generationName(predecessor))} takes over again.`,
    { pid, exitCode: null, signal: null, stderr },
  )
}

/** Creates the error of a successor that has ended on probation. */
export function diedOnProbation({
  message,
  pid,
  exitCode = null,
  signal = null,
  stderr = [],
  cause,
}: EndlessError): EndlessError {
  return new EndlessError('ERR_ENDLESS_ROLLED_BACK', `While on probation: ${message}`, {
    pid,
    exitCode,
    signal,
    stderr,
    cause,
  })
}

/** Creates the error of what a process on probation was asked for, and cannot do: it is rolled back. */
export function rolledBackHere(reason: string): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_ROLLED_BACK',
    `This generation was rolled back while on probation: ${reason}. ` +
      'Its predecessor serves again: ask that.',
  )
}

/** Creates the error of a rollback when there is nothing to roll back. */
export function notOnProbation(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_NOT_ON_PROBATION',
    'Cannot roll back: no generation is on probation. Restart with a probation first.',
  )
}
