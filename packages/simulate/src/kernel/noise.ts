/** Chance, as a seed gives it: the same seed, the same numbers. */
export class Noise {
  readonly #longestMs: number
  #state: number

  /** @param longestMs the longest delay of a message */
  constructor(seed: number, longestMs: number) {
    this.#state = seed | 0
    this.#longestMs = longestMs
  }

  /** A number from 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** How long a message takes: mostly little, sometimes much. */
  delayMs(): number {
    const share = this.next()
    return share * share * this.#longestMs
  }
}
