import type { AnswerCount } from '../connections/answer-counter.js'

/** A minute, in seconds. */
export const minute = 60

/** The counts of a process over time, a second apart: as many as a minute has. */
export class RecentAnswers {
  readonly #totals: AnswerCount[] = [{ answers: 0, errors: 0 }]

  /** Notes what has been counted so far; call it each second. */
  add(total: AnswerCount): void {
    this.#totals.push(total)
    if (this.#totals.length > minute + 1) this.#totals.shift()
  }

  /** Returns the count of the last seconds. */
  last(seconds: number): AnswerCount {
    const [last, first] = [this.#totals.at(-1), this.#totals.at(-1 - seconds) ?? this.#totals[0]]
    return {
      answers: (last?.answers ?? 0) - (first?.answers ?? 0),
      errors: (last?.errors ?? 0) - (first?.errors ?? 0),
    }
  }
}
