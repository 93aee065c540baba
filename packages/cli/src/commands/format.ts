// Formats durations, bytes and tables for people.

const unitsMs = [
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

/** Reads a duration with one unit, as it is written on a command line: `500ms`, `30s`, `5min`, `1h`, `0`. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/.exec(text) ?? []
  if (count === undefined) return undefined
  if (Number(count) === 0) return 0
  const unitMs = new Map<string | undefined, number>([...unitsMs, ['m', 60_000], ['ms', 1]]).get(
    unit,
  )
  return unitMs === undefined ? undefined : Math.round(Number(count) * unitMs)
}

/** Formats bytes as `57 MB`, of 1,000,000 bytes each. */
export function formatBytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(0)} MB`
}

/** Formats rows under their titles, as lines, in columns as wide as needed; columns of numbers are right-aligned. */
export function formatTable(titles: readonly string[], rows: readonly string[][]): string[] {
  const isNumber = titles.map((_, at) => rows.every((row) => /^\d*$/.test(row[at] ?? '')))
  const widths = titles.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  )
  return [titles, ...rows].map((row) =>
    row
      .map((cell, at) =>
        isNumber[at] && rows.length > 0
          ? cell.padStart(widths[at] ?? 0)
          : cell.padEnd(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}
