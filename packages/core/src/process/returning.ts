import type { Successor } from '../handoff/successor.js'

/** What {@link Returning} needs of a successor. */
export type ReturningSuccessor = Pick<Successor, 'exited' | 'signal'>

/** The successors that were rolled back and live: they finish their requests, and give back what is open. */
export class Returning {
  /** From the oldest to the newest. */
  readonly #living = new Set<ReturningSuccessor>()

  /** Settles when those that live now have ended. */
  get ended(): Promise<unknown> {
    return Promise.all([...this.#living].map(({ exited }) => exited))
  }

  add(successor: ReturningSuccessor): void {
    this.#living.add(successor)
    void successor.exited.then(() => this.#living.delete(successor))
  }

  /** Hammers the oldest, so that at most so many are left. Returns how many are left. */
  limit(most: number): number {
    const kept = Math.max(0, most)
    const surplus = [...this.#living].slice(0, Math.max(0, this.#living.size - kept))
    for (const each of surplus) each.signal('SIGUSR2')
    return this.#living.size - surplus.length
  }
}
