import { unitsMs } from '../supervisor/amounts.js'

// Reads durations and sizes, and formats tables, for people.

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

/** Reads a size with its unit, as it is written on a command line: `512MB`, `1.5GB`, `512MiB`. */
export function parseBytes(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?) ?([KMG]i?B|B)$/.exec(text) ?? []
  if (count === undefined) return undefined
  const base = unit.includes('i') ? 1_024 : 1_000
  return Math.round(Number(count) * base ** '_KMG'.indexOf(unit.replace(/i?B$/, '') || '_'))
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
