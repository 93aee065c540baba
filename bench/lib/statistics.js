// The median of a sample, and how certain it is.

export function median(values) {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Returns the bootstrap 95 % interval of the median: where 95 % of the medians of random resamples of
 * `values` lie.
 */
export function medianInterval(values, { rounds = 4_000 } = {}) {
  const medians = Float64Array.from({ length: rounds }, () =>
    median(values.map(() => values[Math.floor(Math.random() * values.length)])),
  ).sort()
  return [medians[Math.floor(rounds * 0.025)], medians[Math.ceil(rounds * 0.975) - 1]]
}
