const firstDelayMs = 100
const longestDelayMs = 30_000
/** A generation that has served that long has not died of its start. */
const stableMs = 10_000

/** How long to wait before a generation that died is replaced: not at all, unless it happens again and again. */
export class BackOff {
  #deaths = 0

  /**
   * The delay before the next start, in ms: 0, 100, 200, 400, … 30,000.
   *
   * @param servedMs for how long the one that died had served
   */
  next(servedMs: number): number {
    if (servedMs >= stableMs) this.#deaths = 0
    const delayMs = this.#deaths === 0 ? 0 : firstDelayMs * 2 ** (this.#deaths - 1)
    this.#deaths++
    return Math.min(delayMs, longestDelayMs)
  }
}
