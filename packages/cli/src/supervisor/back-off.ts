const firstDelayMs = 100
/** For what cannot start: each try costs a process. */
const longestDelayMs = 30_000
/** For what has served: meanwhile connections wait, and their queue is not endless. */
const longestDelayOfServingMs = 1_000
/** A generation that has served that long has not died of its start. */
const stableMs = 10_000

/** How long to wait before a generation that died is replaced: not at all, unless it happens again and again. */
export class BackOff {
  #deaths = 0
  #hasServed = false

  /** How many have died in a row. */
  get deaths(): number {
    return this.#deaths
  }

  /** The delay before the next start, in ms: 0, 100, 200, 400, … 30,000; up to 1,000 for what has served. */
  get delayMs(): number {
    const delayMs = this.#deaths <= 1 ? 0 : firstDelayMs * 2 ** (this.#deaths - 2)
    return Math.min(delayMs, this.#hasServed ? longestDelayOfServingMs : longestDelayMs)
  }

  /** One has died that had served for so long; 0: never. */
  died(servedMs: number): void {
    this.#deaths = servedMs >= stableMs ? 1 : this.#deaths + 1
    this.#hasServed = servedMs > 0
  }
}
