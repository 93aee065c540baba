// The OpenMetrics text format, version 1.0.0: what Prometheus and its kin scrape.

/** The media type of {@link openMetricsText}. */
export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** One value of a metric: `{ labels: { slot: 0 }, value: 3 }`. */
export interface Sample {
  /** What follows the name of the metric: `_bucket`. A counter's is `_total`. */
  suffix?: '_total' | '_bucket' | '_sum' | '_count'
  labels?: Readonly<Record<string, string | number>>
  value: number
}

/** A metric with all its values. */
export interface Metric {
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  /** The last part of the name, where that is a unit. */
  unit?: 'seconds' | 'bytes'
  samples: readonly Sample[]
}

/** Writes metrics. One without a value is left out. */
export function openMetricsText(metrics: readonly Metric[]): string {
  const lines = metrics.filter(({ samples }) => samples.length > 0).flatMap(linesOf)
  return [...lines, '# EOF', ''].join('\n')
}

function linesOf({ name, type, unit, help, samples }: Metric): string[] {
  return [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escaped(help)}`,
    ...samples.map(
      ({ suffix = '', labels = {}, value }) =>
        `${name}${suffix}${labelText(labels)} ${numberText(value)}`,
    ),
  ]
}

function labelText(labels: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}
