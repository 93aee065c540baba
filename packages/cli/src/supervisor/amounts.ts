// Formats durations and sizes for people.

/** Units of time, from the largest. */
export const unitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** Formats a duration in its two largest units: `3 d 2 h`, `5 min 10 s`, `12 s`. */
export function formatAge(durationMs: number): string {
  const parts: string[] = []
  let restMs = durationMs
  for (const [unit, unitMs] of unitsMs) {
    const count = Math.floor(restMs / unitMs)
    restMs -= count * unitMs
    if (count > 0) parts.push(`${String(count)} ${unit}`)
    // Seconds say nothing beside hours.
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.length > 0 ? parts.join(' ') : '0 s'
}

/** Formats bytes as `57 MB`, of 1,000,000 bytes each. */
export function formatBytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(0)} MB`
}
