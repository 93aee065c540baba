import { outcomes, meanings } from '../record/outcome.js'
import type { ConnectionKind } from '../record/connection-log.js'
import type { Latency } from '../report/latencies.js'
import type { Report } from '../report/report.js'
import { ms, number } from '../report/verdict.js'
import { kindNames, notesOf } from '../report/words.js'

// The report for the terminal.

/** Returns the report as lines of plain text, of which the last is the verdict. */
export function textOf(report: Report): string {
  const { verdict } = report
  return [
    ...section(requestRows(report)),
    ...section(latencyRows(report)),
    ...section(connectionRows(report)),
    ...section(restartRows(report)),
    ...notesOf(report).flatMap((note) => [note, '']),
    ...verdict.complaints.map((complaint) => `- ${complaint}`),
    `${verdict.passed ? 'passed' : 'FAILED'}: ${verdict.sentence}`,
  ].join('\n')
}

function requestRows({ requests }: Report): string[][] {
  const rows = outcomes
    .filter((outcome) => outcome === 'answered' || sum(requests.outcomes[outcome]) > 0)
    .map((outcome) => {
      const { calm, restarts } = requests.outcomes[outcome]
      return [outcome, number(calm), number(restarts), meanings[outcome]]
    })
  if (requests.unasked > 0) {
    rows.push(['unasked', number(requests.unasked), '', 'responses that nobody had asked for'])
  }
  return [['requests', 'calm', 'restarts', ''], ...rows]
}

function sum({ calm, restarts }: { calm: number; restarts: number }): number {
  return calm + restarts
}

function latencyRows({ latency }: Report): string[][] {
  const row = (name: string, { count, p50Ms, p90Ms, p99Ms, p999Ms, maxMs }: Latency): string[] => [
    name,
    number(count),
    ...[p50Ms, p90Ms, p99Ms, p999Ms, maxMs].map(ms),
  ]
  return [
    ['latency', 'requests', 'p50', 'p90', 'p99', 'p99.9', 'max'],
    row('calm', latency.calm),
    row('restarts', latency.restarts),
  ]
}

function connectionRows({ connections, processesKnownBy }: Report): string[][] {
  const kinds = (Object.keys(kindNames) as ConnectionKind[]).filter(
    (kind) => connections[kind].opened + connections[kind]['not-opened'] > 0,
  )
  return [
    [
      'connections',
      'opened',
      'moved',
      'politely closed',
      'closed while idle',
      'cut in a request',
      'not opened',
    ],
    ...kinds.map((kind) => {
      const counts = connections[kind]
      return [
        kindNames[kind],
        number(counts.opened),
        processesKnownBy === null ? '-' : number(counts.moved),
        ...[counts.announced, counts['while-idle'], counts['in-request'], counts['not-opened']].map(
          number,
        ),
      ]
    }),
  ]
}

function restartRows({ restarts }: Report): string[][] {
  if (restarts.length === 0) return []
  return [
    ['restart', 'first new answer', 'pid', 'requests', 'lost', 'p99', 'max', 'moved', 'closed', ''],
    ...restarts.map((restart) => [
      String(restart.number),
      restart.firstAnswerAfterMs === null ? '-' : ms(restart.firstAnswerAfterMs),
      restart.pid === null ? '-' : String(restart.pid),
      number(restart.requests),
      number(restart.lost),
      ms(restart.p99Ms),
      ms(restart.maxMs),
      restart.pid === null ? '-' : number(restart.moved),
      number(restart.closed),
      restart.error === null ? restart.what : `failed: ${restart.error}`,
    ]),
  ]
}

/** Aligns the columns: the first and the last to the left, as text, the others to the right. */
function section(rows: readonly string[][]): string[] {
  if (rows.length === 0) return []
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  )
  const lines = rows.map((row) =>
    row
      .map((cell, at) => {
        const isText = at === 0 || (at === row.length - 1 && rows[0]?.[at] === '')
        return isText ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)
      })
      .join('  ')
      .trimEnd(),
  )
  return [...lines, '']
}
