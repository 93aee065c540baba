import type { System } from '../node/system.js'

/** Falls once: by itself when its time is over, or when somebody lets it. */
export class Hammer {
  readonly #strike: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(strike: () => void) {
    this.#strike = strike
  }

  /** Lets it fall in `timeMs`; negative: never by itself. */
  arm(system: System, timeMs: number): void {
    if (timeMs < 0) return
    // Unreferenced: where nothing is left to hammer, nobody needs to wait for it.
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
