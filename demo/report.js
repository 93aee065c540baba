import { colors, formatTable, summarizeFailures } from '@endless/load'

const ms = (value) => `${value.toFixed(1)} ms`

const right = (title) => ({ title, align: 'right' })

/** Prints what the clients saw: two tables, two sentences, and a line for each sort of failure. */
export function printReport(report) {
  console.log()
  console.log(generationTable(report))
  console.log()
  console.log(latencyTable(report))
  console.log()
  console.log(connectionLine(report))
  console.log(failureLine(report))
  for (const line of summarizeFailures(report.failures)) console.log(`  ${line}`)
}

function generationTable({ generations }) {
  return formatTable(
    [
      right('generation'),
      right('pid'),
      right('requests answered'),
      right('answered from'),
      right('to'),
    ],
    generations.map(({ generation, pid, requests, firstAnswerAtMs, lastAnswerAtMs }) => [
      String(generation),
      String(pid),
      requests,
      seconds(firstAnswerAtMs),
      seconds(lastAnswerAtMs),
    ]),
  )
}

function latencyTable({ latency }) {
  const row = (name, { count, p50Ms, p99Ms, maxMs }) => [
    name,
    count,
    ms(p50Ms),
    ms(p99Ms),
    ms(maxMs),
  ]
  return formatTable(
    [{ title: 'latency' }, right('requests'), right('p50'), right('p99'), right('max')],
    [row('calm', latency.calm), row('during restarts', latency.restart)],
  )
}

function connectionLine({ connections }) {
  const { opened, reconnects, moved, closedAnnounced, closedUnannounced } = connections
  const closed = closedAnnounced + closedUnannounced
  const kept = ` ${opened - reconnects} keep-alive connections`
  return `${kept}: ${moved} handed over open, ${closed} closed by the server`
}

function failureLine({ requests, failed }) {
  const text = ` ${failed} of ${requests.toLocaleString('en-US')} requests failed`
  return colors.bold(failed === 0 ? colors.green(text) : colors.red(text))
}

function seconds(valueMs) {
  return `${(valueMs / 1000).toFixed(1)} s`
}
