// Compares response times during restarts with those in calm periods of the same run.
import { ms, progressEnd, table, title, verdict } from './lib/print.js'
import { restartUnderLoad } from './lib/under-load.js'

const APPS = ['node-http', 'express', 'koa', 'fastify']
const LOADS = [
  { load: 'light', thinkMs: [20, 60] },
  { load: 'saturated', thinkMs: [0, 5] },
]
const FIGURES = { p99Ms: 2.5, p999Ms: 3 }

export async function run({ app: apps = APPS, quick }) {
  const restarts = quick ? 3 : 20
  title(`latency: 100 keep-alive connections, ${restarts} restarts each; restart: until 2 s after`)
  const runs = []
  for (const { load, thinkMs } of LOADS) {
    for (const name of apps) {
      runs.push({ name, load, report: await restartUnderLoad(name, { restarts, thinkMs }) })
    }
  }
  progressEnd()
  table(
    [
      ...['app', 'load', 'requests', 'failed', 'moved', 'closed', 'reconnects'],
      ...['calm p99', 'restart p99', 'ratio', 'calm p99.9', 'restart p99.9', 'ratio', 'max'],
    ],
    runs.map(row),
  )
  const lost = runs.reduce((sum, { report }) => sum + report.failed + closed(report), 0)
  const slow = runs.filter(({ report }) =>
    Object.entries(FIGURES).some(([name, most]) => ratio(report, name) > most),
  )
  return verdict(
    lost === 0 && slow.length === 0,
    `${lost} failed or closed; restart p99 at most ${FIGURES.p99Ms} times calm, p99.9 ${FIGURES.p999Ms} times` +
      slow.map(({ name, load }) => `; missed by ${name} (${load})`).join(''),
  )
}

function ratio({ latency: { calm, restart } }, percentile) {
  return restart[percentile] / calm[percentile]
}

function closed({ connections: { closedAnnounced, closedUnannounced } }) {
  return closedAnnounced + closedUnannounced
}

function row({ name, load, report }) {
  const { calm, restart } = report.latency
  const compared = Object.keys(FIGURES).flatMap((name) => [
    ms(calm[name]),
    ms(restart[name]),
    ratio(report, name).toFixed(2),
  ])
  const { moved, reconnects } = report.connections
  return [
    ...[name, load, report.requests, report.failed, moved, closed(report), reconnects],
    ...compared,
    ms(restart.maxMs),
  ]
}
