/** Decides which request gets which fault, and counts them, so that a test knows what a load has to find. */
export class Rotation<Fault extends string> {
  readonly counts: Record<string, number> = {}
  requests = 0
  /** Whether every request from now on is answered well. */
  isOver = false
  readonly #faults: readonly Fault[]
  readonly #every: number

  /** @param every one request in so many gets a fault, each of them in its turn */
  constructor(faults: readonly Fault[], every: number) {
    this.#faults = faults
    this.#every = every
  }

  /** Returns the fault for the next request; undefined if it is to be answered well. */
  next(): Fault | undefined {
    this.requests++
    if (this.isOver || this.requests % this.#every !== 0) return undefined
    const fault = this.#faults[(this.requests / this.#every - 1) % this.#faults.length]
    if (fault !== undefined) this.counts[fault] = (this.counts[fault] ?? 0) + 1
    return fault
  }
}
