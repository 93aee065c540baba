import type { Successor } from '../handoff/successor.js'
import type { System } from '../node/system.js'

/** How long an old generation may drain, however many live: restarts back to back must not cut short requests. */
export const roomMs = 5_000

/** How long one that was hammered may live: one whose event loop is blocked does not hear of it. */
const killMs = 5_000

/** What {@link Returning} needs of a successor. */
export type ReturningSuccessor = Pick<Successor, 'exited' | 'signal'>

/** The successors that were rolled back and live: they finish their requests, and give back what is open. */
export class Returning {
  readonly #system: Pick<System, 'now' | 'setTimeout'>
  /** From the oldest to the newest, and since when they return. */
  readonly #living = new Map<ReturningSuccessor, number>()
  /** How many may live, as was said last. */
  #most = Infinity

  constructor(system: Pick<System, 'now' | 'setTimeout'>) {
    this.#system = system
  }

  /** Settles when those that live now have ended. */
  get ended(): Promise<unknown> {
    return Promise.all([...this.#living.keys()].map(({ exited }) => exited))
  }

  add(successor: ReturningSuccessor): void {
    this.#living.set(successor, this.#system.now())
    void successor.exited.then(() => this.#living.delete(successor))
  }

  /** Hammers all of them, and kills those that do not react. */
  hammer(): void {
    for (const each of this.#living.keys()) this.#hammer(each)
  }

  /** Hammers the oldest, so that at most so many are left; none before it had {@link roomMs}. Returns how many are left. */
  limit(most: number): number {
    this.#most = Math.max(0, most)
    const surplus = Math.max(0, this.#living.size - this.#most)
    for (const [each, sinceMs] of [...this.#living].slice(0, surplus)) {
      const hammer = (): void => {
        // Others may have ended meanwhile.
        if (this.#living.has(each) && this.#living.size > this.#most) this.#hammer(each)
      }
      const leftMs = roomMs - (this.#system.now() - sinceMs)
      if (leftMs <= 0) hammer()
      // The drain of this process waits for them, and so need not the timer.
      else this.#system.setTimeout(hammer, leftMs).unref()
    }
    return this.#living.size - surplus
  }

  #hammer(successor: ReturningSuccessor): void {
    successor.signal('SIGUSR2')
    const kill = (): void => {
      if (this.#living.has(successor)) successor.signal('SIGKILL')
    }
    // The drain of this process waits for it, and so need not the timer.
    this.#system.setTimeout(kill, killMs).unref()
  }
}
