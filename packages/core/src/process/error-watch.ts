import type { AnswerCount } from '../connections/answer-counter.js'
import type { System } from '../node/system.js'
import { isWorse } from './error-share.js'
import { minute, RecentAnswers } from './recent-answers.js'

/** How often the successor is asked for its count. */
const askMs = 1_000
/** How far back to look, in seconds: a version may turn bad after a while, or have few requests. */
const windows = [10, minute]

/** What {@link ErrorWatch} needs from its surroundings. */
export interface ErrorWatchHost {
  readonly system: Pick<System, 'setTimeout'>
  /** The share of errors that is allowed, 0 to 1. */
  readonly maxErrors: number
  /** What this process has answered before. */
  readonly before: AnswerCount
  /** Asks the successor what it has answered. */
  readonly ask: () => void
  /** Called when it is worse, and why it is. */
  readonly worse: (reason: string) => void
}

/** Watches the share of errors among the answers of a successor on probation. */
export class ErrorWatch {
  readonly #host: ErrorWatchHost
  readonly #recent = new RecentAnswers()
  #timer: NodeJS.Timeout

  constructor(host: ErrorWatchHost) {
    this.#host = host
    host.ask()
    this.#timer = this.#askLater()
  }

  /** Takes what the successor has answered so far. */
  heard(total: AnswerCount): void {
    const { maxErrors, before, worse } = this.#host
    this.#recent.add(total)
    for (const seconds of windows) {
      const now = this.#recent.last(seconds)
      if (!isWorse(now, before, maxErrors)) continue
      worse(
        `${String(now.errors)} of its last ${String(now.answers)} answers had a status of 5xx, ` +
          `and ${String(before.errors)} of ${String(before.answers)} before the restart`,
      )
      return
    }
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #askLater(): NodeJS.Timeout {
    // Unreferenced: what stays behind is held by the probation.
    return this.#host.system
      .setTimeout(() => {
        this.#host.ask()
        this.#timer = this.#askLater()
      }, askMs)
      .unref()
  }
}
