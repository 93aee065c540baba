// Counts the requests that restarts lose: the clients never retry, so a failed request is a lost one.
import { summarizeFailures } from '@endless/load'
import { ms, progressEnd, table, title, verdict } from './lib/print.js'
import { restartUnderLoad } from './lib/under-load.js'

const APPS = ['node-http', 'express', 'koa', 'fastify', 'node-https']
const FRESH_PER_SECOND = [0, 300]

export async function run({ app: apps = APPS, quick }) {
  const restarts = quick ? 3 : 20
  title(`restart: 100 keep-alive connections, ${restarts} restarts each`)
  const runs = []
  for (const freshPerSecond of FRESH_PER_SECOND) {
    for (const name of apps) {
      const report = await restartUnderLoad(name, { restarts, thinkMs: [0, 5], freshPerSecond })
      runs.push({ name, report })
    }
  }
  progressEnd()
  table(
    [
      'app',
      'fresh/s',
      'requests',
      'failed',
      'restarts',
      'calm p50',
      'p99',
      'max',
      'restart p50',
      'p99',
      'max',
      'moved',
      'closed',
    ],
    runs.map(row),
  )
  for (const { name, report } of runs) {
    for (const line of summarizeFailures(report.failures)) console.log(`${name}: ${line}`)
  }
  const failed = runs.reduce((sum, { report }) => sum + report.failed, 0)
  const done = runs.every(({ report }) => report.restarts.length === restarts)
  return verdict(failed === 0 && done, `${failed} failed requests; the target is 0`)
}

function row({ name, report }) {
  const { calm, restart } = report.latency
  const { moved, closedAnnounced, closedUnannounced } = report.connections
  return [
    name,
    Math.round(report.connections.fresh / (report.durationMs / 1000)),
    report.requests,
    report.failed,
    report.restarts.length,
    ...[calm, restart].flatMap(({ p50Ms, p99Ms, maxMs }) => [ms(p50Ms), ms(p99Ms), ms(maxMs)]),
    moved,
    closedAnnounced + closedUnannounced,
  ]
}
