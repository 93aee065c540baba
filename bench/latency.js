// Compares response times during restarts with those while the same program starts beside the service, and with calm.
import { ms, progressEnd, table, title, verdict } from './lib/print.js'
import { restartUnderLoad } from './lib/under-load.js'

const APPS = ['node-http', 'express', 'koa', 'fastify']
const LOADS = [
  { load: 'light', thinkMs: [20, 60], mostMs: 100 },
  { load: 'saturated', thinkMs: [0, 5] },
]
/** How much higher p99 may be in a restart than in a control. */
const FIGURE = 1.5

export async function run({ app: apps = APPS, quick }) {
  const restarts = quick ? 3 : 20
  title(
    `latency: 100 keep-alive connections, ${restarts} restarts each, and as many controls: ` +
      'the program starts beside the service; each until 2 s after',
  )
  const runs = []
  for (const { load, thinkMs, mostMs = Infinity } of LOADS) {
    for (const name of apps) {
      const report = await restartUnderLoad(name, { restarts, withControl: true, thinkMs })
      runs.push({ name: `${name}, ${load}`, mostMs, report })
    }
  }
  progressEnd()
  table(
    ['app', 'while', 'requests', 'p50', 'p99', 'p99.9', 'max', 'p99 to control', 'to calm'],
    runs.flatMap(rows),
  )
  const moved = runs.reduce((sum, { report }) => sum + report.connections.moved, 0)
  const lost = runs.reduce((sum, { report }) => sum + report.failed + closed(report), 0)
  const slow = runs.filter(
    ({ mostMs, report }) =>
      ratio(report, 'control') > FIGURE || report.latency.restart.maxMs > mostMs,
  )
  return verdict(
    lost === 0 && slow.length === 0,
    `${lost} failed or closed, ${moved} moved; restart p99 at most ${FIGURE} times that of the control, ` +
      `and at light load nothing above ${LOADS[0].mostMs} ms` +
      slow.map(({ name }) => `; missed by ${name}`).join(''),
  )
}

function ratio({ latency }, other) {
  return latency.restart.p99Ms / latency[other].p99Ms
}

function closed({ connections: { closedAnnounced, closedUnannounced } }) {
  return closedAnnounced + closedUnannounced
}

function rows({ name, report }) {
  return ['calm', 'control', 'restart'].map((period, index) => {
    const { count, p50Ms, p99Ms, p999Ms, maxMs } = report.latency[period]
    const ratios =
      period === 'restart' ? ['control', 'calm'].map((each) => ratio(report, each)) : []
    return [
      ...[index === 0 ? name : '', period, count],
      ...[p50Ms, p99Ms, p999Ms, maxMs].map(ms),
      ...ratios.map((value) => value.toFixed(2)),
    ]
  })
}
