import { createHistogram } from 'node:perf_hooks'

export interface LatencySummary {
  count: number
  p50Ms: number
  p90Ms: number
  p99Ms: number
  p999Ms: number
  maxMs: number
}

/** Collects latencies in the HDR histogram of `node:perf_hooks`, with three significant digits. */
export class Latency {
  readonly #histogram = createHistogram({ figures: 3 })

  record(durationMs: number): void {
    this.#histogram.record(Math.max(1, Math.round(durationMs * 1000)))
  }

  summary(): LatencySummary {
    const { count } = this.#histogram
    const at = (percentile: number) =>
      count === 0 ? 0 : this.#histogram.percentile(percentile) / 1000
    return {
      count,
      p50Ms: at(50),
      p90Ms: at(90),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: count === 0 ? 0 : this.#histogram.max / 1000,
    }
  }
}
