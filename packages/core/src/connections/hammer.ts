import type { System } from '../node/system.js'

/** The hammer of one drain: falls once, by itself when its time is over or earlier by `strike`. */
export class Hammer {
  readonly #strike: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(strike: () => void) {
    this.#strike = strike
  }

  /** Lets the hammer fall after `timeMs`; with a negative time, it never falls by itself. */
  arm(system: System, timeMs: number): void {
    if (timeMs < 0) return
    // Unreferenced: a process with nothing left to destroy need not wait for the hammer.
    this.#timer = system
      .setTimeout(() => {
        this.strike()
      }, timeMs)
      .unref()
  }

  strike(): void {
    this.disarm()
    this.#strike()
  }

  disarm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
