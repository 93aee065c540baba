import type { Generation } from './generation.js'

/** The generations of a service: which are alive, and which one serves. */
export class Chain {
  readonly #living = new Set<Generation>()
  #current: Generation | undefined
  #last: Generation | undefined

  /** Generations that are alive, from the oldest to the newest. */
  get living(): Generation[] {
    return [...this.#living]
  }

  /** Generation that serves. */
  get current(): Generation | undefined {
    return this.#current
  }

  /** Last generation that served, or was expected to; a replacement is started in the same way. */
  get last(): Generation | undefined {
    return this.#last
  }

  /** Whether a living generation may still begin to serve by itself. */
  get isHopeful(): boolean {
    return this.living.some(({ isHopeful }) => isHopeful)
  }

  add(generation: Generation, predecessor?: Generation): void {
    this.#living.add(generation)
    if (!predecessor) return
    generation.isRestart = true
    generation.predecessor = predecessor
    predecessor.successor = generation
  }

  /** Notes the first generation of a slot that is to serve beside others: it is replaced even if it never served. */
  expect(generation: Generation): void {
    this.#last ??= generation
  }

  /** Notes that a generation serves, or is told to. */
  changeCurrent(generation: Generation, nowMs: number): void {
    const former = this.#current
    if (former && former !== generation) former.handedOverMs = nowMs
    generation.handedOverMs = undefined
    this.#current = generation
    this.#last = generation
    generation.servingSinceMs ??= nowMs
  }

  /** Notes that a generation shuts itself down, while its replacement starts. */
  leave(generation: Generation, nowMs: number): void {
    generation.handedOverMs = nowMs
    this.#current = undefined
  }

  /** Notes that a predecessor serves again: its successor returns the open connections, and ends. */
  rollBack(successor: Generation, predecessor: Generation, nowMs: number): void {
    predecessor.successor = successor.predecessor = undefined
    predecessor.rolledBack.set(successor.pid, successor)
    successor.rolledBackBy = predecessor
    // So that it is not replaced, and nobody waits for it if it has not said yet that it serves.
    successor.hasLeft = true
    successor.isHopeful = false
    this.changeCurrent(predecessor, nowMs)
  }

  /** Removes a generation that has ended; returns whether it was the one that served, or none ever served. */
  remove(generation: Generation): boolean {
    const wasServing = generation === this.#current || this.#last === undefined
    if (wasServing) this.#current = undefined
    this.#living.delete(generation)
    const { predecessor, successor } = generation
    if (predecessor) predecessor.successor = undefined
    if (successor) successor.predecessor = undefined
    // Otherwise each generation would keep all earlier and later ones in memory.
    generation.predecessor = generation.successor = undefined
    generation.rolledBackBy?.rolledBack.delete(generation.pid)
    generation.rolledBackBy = undefined
    return wasServing
  }
}
