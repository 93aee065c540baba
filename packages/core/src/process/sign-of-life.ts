import type { System } from '../node/system.js'

/** How often the other process is asked; more often if little silence is too much. */
const askMs = 500

/** What {@link SignOfLife} needs from its surroundings. */
export interface SignOfLifeHost {
  readonly system: Pick<System, 'setTimeout' | 'now'>
  /** How long the other process may be silent, in ms. */
  readonly maxSilentMs: number
  /** Whether it has been asked already, so that its silence counts from the beginning. @default false */
  readonly isAsked?: boolean
  /** Asks the other process, which answers as soon as its event loop turns. */
  readonly ask: () => void
  /** Called once, when it has been silent for too long. */
  readonly missed: () => void
}

/**
 * Asks another process again and again for a sign of life. Counts only the time in which this process could hear
 * it: if both stand still, as while a machine sleeps, nobody is late.
 */
export class SignOfLife {
  readonly #host: SignOfLifeHost
  readonly #everyMs: number
  #timer: NodeJS.Timeout
  #isHeard: boolean
  #silentMs = 0
  #lookedMs: number

  constructor(host: SignOfLifeHost) {
    this.#host = host
    this.#everyMs = Math.min(askMs, host.maxSilentMs / 4)
    this.#isHeard = host.isAsked !== true
    this.#lookedMs = host.system.now()
    this.#timer = this.#lookLater()
  }

  heard(): void {
    this.#isHeard = true
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #lookLater(): NodeJS.Timeout {
    // Unreferenced: what waits for a sign of life holds the process.
    return this.#host.system
      .setTimeout(() => {
        this.#look()
      }, this.#everyMs)
      .unref()
  }

  #look(): void {
    const now = this.#host.system.now()
    const sinceMs = now - this.#lookedMs
    this.#lookedMs = now
    if (this.#isHeard) {
      this.#silentMs = 0
      this.#isHeard = false
      this.#host.ask()
    } else {
      this.#silentMs += Math.min(sinceMs, 2 * this.#everyMs)
    }
    if (this.#silentMs >= this.#host.maxSilentMs) this.#host.missed()
    else this.#timer = this.#lookLater()
  }
}
