import type { Generation } from './generation.js'
import type { StandIn } from './stand-in.js'

/** How long a generation that must end may take before it is killed. */
const stopGraceMs = 2_000

/**
 * A generation that still booted when the one that started it died. It is held back until the supervisor
 * knows whether an older generation serves again: the end of one process must not be the permission for two.
 * See docs/decisions.md, "One arbiter decides which generation serves"
 */
export class Heir {
  readonly #generation: Generation
  readonly #standIn: StandIn

  constructor(generation: Generation, standIn: StandIn) {
    this.#generation = generation
    this.#standIn = standIn
    generation.isHeld = true
  }

  get generation(): Generation {
    return this.#generation
  }

  /** Lets it continue without a predecessor: no older generation serves. */
  inherit(): void {
    this.#generation.isHeld = false
    if (this.#generation.isWelcomed) void this.#generation.send({ type: 'predecessor-gone' })
    this.#standIn.succeed(this.#generation)
  }

  /** Ends it with a reason: an older generation serves again. */
  end(reason: string): void {
    const generation = this.#generation
    generation.lastWords.diedOf({ name: 'Error', message: reason })
    // So that it is not replaced.
    generation.hasLeft = true
    generation.signal('SIGTERM')
    // Unreferenced: the generation that must end keeps this process alive.
    setTimeout(() => {
      if (!generation.hasEnded) generation.signal('SIGKILL')
    }, stopGraceMs).unref()
  }
}
