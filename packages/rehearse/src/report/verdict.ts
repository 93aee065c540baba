import type { Report } from './report.js'

/** What a rehearsal must keep to pass. */
export interface Limits {
  /** How many requests may be lost. @default 0 */
  maxFailed: number
  /** How much higher p99 may be in restarts than in calm. */
  maxP99Ratio?: number | undefined
}

/** Returns the verdict on a report: one sentence, and what fails it. */
export function verdictOn(report: Omit<Report, 'verdict'>, limits: Limits): Report['verdict'] {
  const complaints = complaintsOf(report, limits)
  return { passed: complaints.length === 0, sentence: sentenceOf(report), complaints }
}

function sentenceOf(report: Omit<Report, 'verdict'>): string {
  const { requests, connections, latency, restarts, areRestartsSeen } = report
  const unseen = areRestartsSeen ? '' : ', none of which could be seen,'
  const { kept, idle, websocket } = connections
  const long = [kept, idle, websocket]
  const sum = (of: (counts: typeof kept) => number): number =>
    long.reduce((total, counts) => total + of(counts), 0)
  const closed = sum((counts) => counts['while-idle'] + counts['in-request'])
  const announced = sum((counts) => counts.announced)
  const parts = [
    `${count(restarts.length, 'restart')}${unseen} lost ${number(requests.lost)} of ` +
      count(requests.total, 'request') +
      (requests.turnedAway > 0 ? `, turned ${number(requests.turnedAway)} away` : ''),
    `cut ${number(closed)} and politely closed ${number(announced)} of ` +
      count(
        sum((counts) => counts.opened),
        'kept connection',
      ),
  ]
  const times =
    latency.restarts.count > 0 && latency.calm.count > 0
      ? `; p99 was ${ms(latency.restarts.p99Ms)} in restarts and ${ms(latency.calm.p99Ms)} in calm`
      : ''
  return `${parts.join(', and ')}${times}.`
}

function complaintsOf(report: Omit<Report, 'verdict'>, limits: Limits): string[] {
  const { requests, latency, restarts, endedBy } = report
  const { maxFailed, maxP99Ratio } = limits
  const complaints: string[] = []
  if (requests.lost > maxFailed) {
    complaints.push(`${count(requests.lost, 'request')} lost, where ${number(maxFailed)} may be`)
  }
  if (requests.unasked > 0) {
    complaints.push(`${count(requests.unasked, 'response')} arrived that nobody had asked for`)
  }
  for (const { number: nth, error } of restarts) {
    if (error !== null) complaints.push(`restart ${nth} failed: ${error}`)
  }
  if (maxP99Ratio !== undefined && latency.p99Ratio !== null && latency.p99Ratio > maxP99Ratio) {
    complaints.push(
      `p99 in restarts is ${latency.p99Ratio.toFixed(2)} times that in calm, where ${maxP99Ratio} may be`,
    )
  }
  if (maxP99Ratio !== undefined && latency.p99Ratio === null) {
    complaints.push(
      'p99 in restarts cannot be compared: no request was answered in one of the times',
    )
  }
  if (maxP99Ratio !== undefined && requests.skipped > 0) {
    complaints.push(
      `p99 is higher than can be said: ${count(requests.skipped, 'request')} could not be sent when due`,
    )
  }
  if (endedBy !== 'plan') {
    complaints.push(
      endedBy === 'interrupt' ? 'it was interrupted' : 'it took longer than --max-duration',
    )
  }
  return complaints
}

/** Formats a count with its noun: `1 restart`, `12,000 requests`. */
export function count(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Formats a whole number with separators for thousands. */
export function number(value: number): string {
  return value.toLocaleString('en-US')
}

/** Formats a duration in ms with three digits: `0.52 ms`, `31.4 ms`, `1.25 s`. */
export function ms(value: number): string {
  if (value >= 999.5) return `${(value / 1_000).toFixed(2)} s`
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ms`
}
