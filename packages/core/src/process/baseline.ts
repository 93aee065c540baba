import type { AnswerCount, AnswerCounter } from '../connections/answer-counter.js'
import type { System } from '../node/system.js'
import { deferred } from '../node/waits.js'
import { minute, RecentAnswers } from './recent-answers.js'

/** So many answers are enough. */
const enoughAnswers = 1_000
/** How many seconds to wait for them, at most. */
const longest = 5

/**
 * What this process answers before it gives way: its successor on probation is compared with that. The last minute
 * counts. See docs/decisions.md, "Answers are counted only on probation"
 */
export class Baseline {
  readonly #system: Pick<System, 'setTimeout'>
  readonly #counter: AnswerCounter
  readonly #recent = new RecentAnswers()
  readonly #enough = deferred()
  #timer: NodeJS.Timeout
  #seconds = 0

  constructor(system: Pick<System, 'setTimeout'>, counter: AnswerCounter) {
    this.#system = system
    this.#counter = counter
    this.#timer = this.#lookLater()
  }

  /** Settles when there is enough to compare with: 1,000 answers, or those of 5 s. */
  get enough(): Promise<void> {
    return this.#enough.promise
  }

  /** Ends the count, and returns it. */
  end(): AnswerCount {
    clearTimeout(this.#timer)
    this.#recent.add(this.#counter.count)
    this.#counter.end()
    return this.#recent.last(minute)
  }

  #lookLater(): NodeJS.Timeout {
    // Referenced: a restart waits for it.
    return this.#system.setTimeout(() => {
      this.#seconds++
      this.#recent.add(this.#counter.count)
      const { answers } = this.#counter.count
      if (answers >= enoughAnswers || this.#seconds >= longest) this.#enough.resolve()
      this.#timer = this.#lookLater()
    }, 1_000)
  }
}
