import { durationOf, SignOfLife } from '@endless/core/for-cli'
import type { Generation } from './generation.js'

/**
 * Ends the generation that serves when its event loop has been blocked for too long, so that another one replaces it.
 * See docs/decisions.md, "A blocked generation is ended only if somebody says after how long"
 */
export class LifeWatch {
  readonly #now: () => number
  readonly #maxBlockedMs: number
  #generation: Generation | undefined
  #signOfLife: SignOfLife | undefined

  /** @param maxBlockedMs 0: for ever */
  constructor(now: () => number, maxBlockedMs: number) {
    this.#now = now
    this.#maxBlockedMs = maxBlockedMs
  }

  /** Watches this generation, in place of the one before. */
  begin(generation: Generation): void {
    if (this.#maxBlockedMs === 0 || generation === this.#generation) return
    this.end()
    this.#generation = generation
    this.#signOfLife = new SignOfLife({
      system: { setTimeout, now: this.#now },
      maxSilentMs: this.#maxBlockedMs,
      ask: () => void generation.send({ type: 'measure' }),
      missed: () => {
        const message = `its event loop was blocked for ${durationOf(this.#maxBlockedMs)}`
        generation.lastWords.diedOf({ name: 'Error', message })
        generation.signal('SIGKILL')
      },
    })
  }

  /** Notes that a generation has said something for which its event loop must turn. */
  heard(generation: Generation): void {
    if (generation === this.#generation) this.#signOfLife?.heard()
  }

  /** Notes the end of a generation. */
  ended(generation: Generation): void {
    if (generation === this.#generation) this.end()
  }

  end(): void {
    this.#signOfLife?.end()
    this.#signOfLife = this.#generation = undefined
  }
}
