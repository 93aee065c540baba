import type { System } from '../node/system.js'

/** The hammer of one drain: falls once, by itself when its time is over or earlier by `strike`. */
export class Hammer {
  readonly #strike: (afterMs?: number) => void
  #timer: NodeJS.Timeout | undefined

  /** @param strike called when it falls; with its time, if that is over */
  constructor(strike: (afterMs?: number) => void) {
    this.#strike = strike
  }

  /** Lets the hammer fall after `timeMs`; with a negative time, it never falls by itself. */
  arm(system: System, timeMs: number): void {
    if (timeMs < 0) return
    // Unreferenced: a process with nothing left to destroy need not wait for the hammer.
    this.#timer = system
      .setTimeout(() => {
        this.#strike(timeMs)
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
