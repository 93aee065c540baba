/** Response times of answered requests, in ms; all 0 if there was none. */
export interface Latency {
  count: number
  p50Ms: number
  p90Ms: number
  p99Ms: number
  p999Ms: number
  maxMs: number
}

/** A point of a distribution: `fraction` of the requests took at most `latencyMs`. */
export interface Quantile {
  fraction: number
  latencyMs: number
}

/** Latencies, exact: every one is kept and sorted. */
export class Latencies {
  readonly #sorted: Float64Array

  constructor(valuesMs: readonly number[]) {
    this.#sorted = Float64Array.from(valuesMs).sort()
  }

  get summary(): Latency {
    return {
      count: this.#sorted.length,
      p50Ms: this.at(0.5),
      p90Ms: this.at(0.9),
      p99Ms: this.at(0.99),
      p999Ms: this.at(0.999),
      maxMs: this.at(1),
    }
  }

  /** Returns the least latency that this fraction of the requests did not exceed. */
  at(fraction: number): number {
    const rank = Math.ceil(fraction * this.#sorted.length)
    return this.#sorted[Math.max(0, rank - 1)] ?? 0
  }

  /** Returns points up to the slowest request, ever denser towards it: 0.9, 0.99, 0.999 are equally far apart. */
  get quantiles(): Quantile[] {
    const { length } = this.#sorted
    if (length === 0) return []
    const points: Quantile[] = []
    for (let nines = 0; 10 ** nines < length; nines += 0.05) {
      const fraction = 1 - 10 ** -nines
      points.push({ fraction, latencyMs: this.at(fraction) })
    }
    points.push({ fraction: 1 - 1 / (length + 1), latencyMs: this.at(1) })
    return points
  }
}
