import type { Generation } from './generation.js'

/** The generations of a service: those that live, and which of them serves. */
export class Chain {
  readonly #living = new Set<Generation>()
  #current: Generation | undefined
  #last: Generation | undefined

  /** Those that live, from the oldest to the newest. */
  get living(): Generation[] {
    return [...this.#living]
  }

  /** The one that serves. */
  get current(): Generation | undefined {
    return this.#current
  }

  /** The last one that served: what takes its place is started like it. */
  get last(): Generation | undefined {
    return this.#last
  }

  /** Whether one may still begin to serve by itself. */
  get isHopeful(): boolean {
    return this.living.some(({ isHopeful }) => isHopeful)
  }

  add(generation: Generation, predecessor?: Generation): void {
    this.#living.add(generation)
    if (!predecessor) return
    generation.predecessor = predecessor
    predecessor.successor = generation
  }

  /** Notes that a generation serves, or has been told to. */
  changeCurrent(generation: Generation, nowMs: number): void {
    this.#current = generation
    this.#last = generation
    generation.servingSinceMs ??= nowMs
  }

  /** Takes out one that is gone; tells whether it was the one that answers for the service. */
  remove(generation: Generation): boolean {
    const wasServing = generation === this.#current || this.#last === undefined
    if (wasServing) this.#current = undefined
    this.#living.delete(generation)
    const { predecessor, successor } = generation
    if (predecessor) predecessor.successor = undefined
    if (successor) successor.predecessor = undefined
    // Or each generation would keep all that came before it or after it.
    generation.predecessor = generation.successor = undefined
    return wasServing
  }
}
