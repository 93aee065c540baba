import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

const tickMs = 10

/** A time in which the client itself did nothing, in ms since the rehearsal began. */
export interface Stall {
  fromMs: number
  toMs: number
}

/** The delay of the client's own event loop, in ms. */
export interface ClientDelay {
  p50Ms: number
  p99Ms: number
  maxMs: number
}

/** Measures when this process itself was late, so that nobody takes a stalled client for a stalled server. */
export class ClientStalls {
  readonly all: Stall[] = []
  readonly #now: () => number
  readonly #leastMs: number
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: tickMs })
  #timer: NodeJS.Timeout | undefined

  /** @param leastMs how late the event loop must be for a stall */
  constructor(now: () => number, leastMs: number) {
    this.#now = now
    this.#leastMs = leastMs
  }

  start(): void {
    this.#delay.enable()
    let lastMs = this.#now()
    this.#timer = setInterval(() => {
      const nowMs = this.#now()
      if (nowMs - lastMs - tickMs >= this.#leastMs) {
        this.all.push({ fromMs: lastMs + tickMs, toMs: nowMs })
      }
      lastMs = nowMs
    }, tickMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#delay.disable()
  }

  get delay(): ClientDelay {
    // The histogram counts from one tick to the next, in ns.
    const late = (ns: number): number => Math.max(0, ns / 1e6 - tickMs)
    const isEmpty = this.#delay.count === 0
    return {
      p50Ms: isEmpty ? 0 : late(this.#delay.percentile(50)),
      p99Ms: isEmpty ? 0 : late(this.#delay.percentile(99)),
      maxMs: isEmpty ? 0 : late(this.#delay.max),
    }
  }
}
