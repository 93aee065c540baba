import { createRequire } from 'node:module'

// Metrics as an independent parser reads them.

/** One metric, as parse-prometheus-text-format returns it. Numbers are texts. */
interface Parsed {
  name: string
  metrics: { labels?: Record<string, string>; value?: string; count?: string; sum?: string }[]
}

const parse = createRequire(import.meta.url)('parse-prometheus-text-format') as (
  text: string,
) => Parsed[]

/** The values of a service, by name and labels: `{ 'endless_workers{state="running"}': 2 }`. */
export type Values = Readonly<Record<string, number>>

/** Reads metrics; a histogram has the value of its count. */
export function valuesOf(text: string): Values {
  const entries = parse(text).flatMap(({ name, metrics }) =>
    metrics.map(({ labels = {}, value, count }) => {
      const pairs = Object.entries(labels).map(([label, each]) => `${label}="${each}"`)
      const key = name + (pairs.length > 0 ? `{${pairs.join(',')}}` : '')
      return [key, Number(value ?? count)] as const
    }),
  )
  const values = Object.fromEntries(entries)
  if (Object.keys(values).length !== entries.length)
    throw new Error(`a row is there twice:\n${text}`)
  return values
}

/** Returns the sums that have fallen from one answer to a later one. */
export function fallen(before: Values, after: Values): string[] {
  return Object.keys(before)
    .filter((name) => name.includes('_total') || name === 'endless_restart_duration_seconds')
    .filter((name) => !((after[name] ?? 0) >= (before[name] ?? 0)))
    .map((name) => `${name}: ${String(before[name])} → ${String(after[name])}`)
}
