// What a restart does to response times, against those in calm in the same run.
import { ms, progressEnd, table, title, verdict } from './lib/print.js'
import { restartUnderLoad } from './lib/under-load.js'

const APPS = ['node-http', 'express', 'koa', 'fastify']
const LOADS = [
  { load: 'light', thinkMs: [20, 60] },
  { load: 'saturated', thinkMs: [0, 5] },
]

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
  const percentiles = ['p50', 'p99', 'p99.9', 'max']
  table(
    [
      'app',
      'load',
      'requests',
      'failed',
      ...percentiles.map((name) => `calm ${name}`),
      ...percentiles.map((name) => `restart ${name}`),
      'moved',
      'closed',
      'reconnects',
    ],
    runs.map(row),
  )
  const failed = runs.reduce((sum, { report }) => sum + report.failed, 0)
  return verdict(failed === 0, `${failed} failed requests`)
}

function row({ name, load, report }) {
  const { calm, restart } = report.latency
  const { moved, closedAnnounced, closedUnannounced, reconnects } = report.connections
  return [
    name,
    load,
    report.requests,
    report.failed,
    ...[calm, restart].flatMap(({ p50Ms, p99Ms, p999Ms, maxMs }) =>
      [p50Ms, p99Ms, p999Ms, maxMs].map(ms),
    ),
    moved,
    closedAnnounced + closedUnannounced,
    reconnects,
  ]
}
