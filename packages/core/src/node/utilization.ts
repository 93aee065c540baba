import { performance } from 'node:perf_hooks'

/** How busy the event loop of this process is, from one look to the next. */
export class Utilization {
  readonly #shortestMs: number
  #last = performance.eventLoopUtilization()
  #share: number | undefined

  /** @param shortestMs the shortest time that tells something: a look within it returns what the last one did */
  constructor(shortestMs = 0) {
    this.#shortestMs = shortestMs
  }

  /** Returns the share of time in which the loop was busy since the last look, 0 to 1. */
  look(): number {
    const now = performance.eventLoopUtilization()
    const { idle, active, utilization } = performance.eventLoopUtilization(now, this.#last)
    // Before the loop has begun, it was neither.
    const share = idle + active > 0 ? utilization : 0
    if (idle + active < this.#shortestMs) return this.#share ?? share
    this.#last = now
    this.#share = share
    return share
  }
}
