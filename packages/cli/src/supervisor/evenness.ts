import type { Generation } from './generation.js'
import type { Slot } from './slot.js'

// How the workers are kept equally full.

/** How often the workers are asked for their load. */
const everyMs = 250
/** The fullest worker may have so many times the mean. */
const fair = 1.1
/** The most connections that a worker is asked to give at a time. */
const mostAtATime = 500

/**
 * Evens the workers out: those that have more connections than the mean give idle ones to the emptiest. The shared
 * socket is fair to who is free at a moment, and unfair in count.
 * See docs/decisions.md, "Connections move to even workers out"
 */
export class Evenness {
  readonly #slots: () => readonly Slot[]
  #timer: NodeJS.Timeout | undefined
  /** Whether the workers have been asked for their load since they were asked to give. */
  #isAsked = false
  /** Workers that did not say their load in time: what they get, nobody reads. */
  #silent: ReadonlySet<Generation> = new Set()

  /** @param slots returns the slots that are to be evened out; none while they must be left alone */
  constructor(slots: () => readonly Slot[]) {
    this.#slots = slots
  }

  start(): void {
    // Unreferenced: the generations keep this process alive.
    this.#timer ??= setInterval(() => {
      this.#tick()
    }, everyMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#silent = new Set()
  }

  /** Whether a worker takes connections: one whose event loop is blocked does not. */
  isAwake(worker: Generation): boolean {
    return !this.#silent.has(worker)
  }

  #tick(): void {
    const workers = this.#slots().flatMap(({ current }) => current ?? [])
    if (this.#isAsked) {
      this.#isAsked = false
      this.#silent = new Set(workers.filter(({ owesLoad }) => owesLoad))
      if (this.#give(workers.filter((each) => this.isAwake(each)))) return
    }
    for (const worker of workers) {
      // It would have to read all that it was asked meanwhile.
      if (worker.owesLoad) continue
      worker.owesLoad = true
      void worker.send({ type: 'measure' })
    }
    this.#isAsked = true
  }

  /** Asks workers to give what they have too much; returns whether there is any. */
  #give(workers: readonly Generation[]): boolean {
    const counts = surpluses(workers.map(({ load }) => load?.open))
    for (const [index, count] of counts.entries()) {
      if (count > 0) void workers[index]?.send({ type: 'give', count })
    }
    return counts.some((count) => count > 0)
  }
}

/** Returns the emptiest of these generations, and notes there that it gets a connection. */
export function emptiest<T extends Pick<Generation, 'load'>>(
  generations: readonly T[],
): T | undefined {
  let found: T | undefined
  for (const each of generations) {
    if (!found || openOn(each) < openOn(found)) found = each
  }
  if (found) found.load = { utilization: 0, ...found.load, open: openOn(found) + 1 }
  return found
}

/** Returns how many connections each worker should give. `undefined` is a worker that has not said what it has. */
export function surpluses(open: readonly (number | undefined)[]): number[] {
  const none = open.map(() => 0)
  const known = open.flatMap((count) => count ?? [])
  if (known.length < 2 || known.length < open.length) return none
  const mean = known.reduce((sum, count) => sum + count, 0) / known.length
  const fullest = Math.max(...known)
  // Two that differ by one are even.
  if (fullest <= mean * fair || fullest - Math.min(...known) < 2) return none
  return known.map((count) => Math.min(mostAtATime, Math.max(0, count - Math.ceil(mean))))
}

function openOn({ load }: Pick<Generation, 'load'>): number {
  return load?.open ?? 0
}
