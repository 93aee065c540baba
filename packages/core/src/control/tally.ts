import type { MoveReason } from '../api/diagnostics.js'

// What a service counts, over all its processes.

/** How a restart has ended. One that was rolled back had taken over before, and counts as both. */
export type RestartOutcome = 'taken-over' | 'failed' | 'rolled-back'

export const restartOutcomes: readonly RestartOutcome[] = ['taken-over', 'failed', 'rolled-back']

export const moveReasons: readonly MoveReason[] = ['restart', 'rollback', 'balance', 'scale']

/** Upper bounds of the groups in which the durations of restarts are counted, in seconds; the last has none. */
export const durationBounds: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Sums since the service was started: `{ restarts: { failed: 1, … }, moved: { restart: 40, … }, … }`. */
export interface Counts {
  restarts: Record<RestartOutcome, number>
  /** Connections that another process has taken. */
  moved: Record<MoveReason, number>
  /** Restarts that took over, by their duration: how many in each group of {@link durationBounds}. */
  durations: number[]
  /** How long these took together, in ms. */
  durationMs: number
}

/**
 * Counts for a service. A sum never falls: each process begins with what the one before it has counted.
 * See docs/decisions.md, "Sums go from process to process"
 */
export class Tally {
  readonly #counts: Counts = {
    restarts: { 'taken-over': 0, failed: 0, 'rolled-back': 0 },
    moved: { restart: 0, rollback: 0, balance: 0, scale: 0 },
    durations: Array<number>(durationBounds.length + 1).fill(0),
    durationMs: 0,
  }

  get counts(): Counts {
    return structuredClone(this.#counts)
  }

  /** @param durationMs how long it took until the successor had taken over; `undefined` if it has not */
  restarted(outcome: RestartOutcome, durationMs?: number): void {
    this.#counts.restarts[outcome]++
    if (durationMs === undefined) return
    const at = durationBounds.findIndex((bound) => durationMs <= bound * 1_000)
    const group = at < 0 ? durationBounds.length : at
    this.#counts.durations[group] = (this.#counts.durations[group] ?? 0) + 1
    this.#counts.durationMs += durationMs
  }

  moved(why: MoveReason): void {
    this.#counts.moved[why]++
  }

  /**
   * Takes the sums of another process of the service over, where they are higher: both have counted what they did
   * together. One of another version may not know them all.
   */
  learn(other: Partial<Counts> = {}): void {
    const { restarts, moved, durations } = this.#counts
    for (const name of restartOutcomes) {
      restarts[name] = Math.max(restarts[name], other.restarts?.[name] ?? 0)
    }
    for (const name of moveReasons) moved[name] = Math.max(moved[name], other.moved?.[name] ?? 0)
    if (other.durations?.length !== durations.length) return
    for (const [at, count] of other.durations.entries()) {
      durations[at] = Math.max(durations[at] ?? 0, count)
    }
    this.#counts.durationMs = Math.max(this.#counts.durationMs, other.durationMs ?? 0)
  }
}
