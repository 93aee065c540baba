export function median(values) {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The bootstrap 95 % interval of the median: how far it moves when the values are drawn again from
 * themselves.
 */
export function medianInterval(values, { rounds = 4_000 } = {}) {
  const medians = Float64Array.from({ length: rounds }, () =>
    median(values.map(() => values[Math.floor(Math.random() * values.length)])),
  ).sort()
  return [medians[Math.floor(rounds * 0.025)], medians[Math.ceil(rounds * 0.975) - 1]]
}
