// How long the supervisor waits before it replaces a generation that died.

const firstDelayMs = 100
/** Limit after a generation that never served: each try costs a process. */
const longestDelayMs = 30_000
/** Limit after a generation that served: connections wait in the meantime, and their queue is bounded. */
const longestDelayOfServingMs = 1_000
/** A generation that has served for so long did not die of its start. */
export const stableMs = 10_000

/** Delay before a generation that died is replaced: none, unless generations die one after the other. */
export class BackOff {
  #deaths = 0
  #hasServed = false

  /** How many generations have died in a row; one that had served for ten seconds begins a new row. */
  get deaths(): number {
    return this.#deaths
  }

  /** Delay before the next start: 0, 100, 200, 400, … 30,000; at most 1,000 if the last one had served. */
  get delayMs(): number {
    const delayMs = this.#deaths <= 1 ? 0 : firstDelayMs * 2 ** (this.#deaths - 2)
    return Math.min(delayMs, this.#hasServed ? longestDelayOfServingMs : longestDelayMs)
  }

  /** Counts the death of a generation that had served for `servedMs`; 0 if it never served. */
  died(servedMs: number): void {
    this.#deaths = servedMs >= stableMs ? 1 : this.#deaths + 1
    this.#hasServed = servedMs > 0
  }
}
