// What restarts do to clients that never retry: every request that fails is one that was lost.
import { setTimeout as sleep } from 'node:timers/promises'
import { createLoad, summarizeFailures } from '@endless/load'
import { startApp } from './lib/app.js'
import { ms, progress, progressEnd, table, title, verdict } from './lib/print.js'

const APPS = ['node-http', 'express', 'koa', 'fastify', 'node-https']
const FRESH_PER_SECOND = [0, 300]
const KEEP_ALIVE_CONNECTIONS = 100
const CALM_MS = 3_000

export async function run({ app: apps = APPS, quick }) {
  const restarts = quick ? 3 : 20
  title(`restart: ${KEEP_ALIVE_CONNECTIONS} keep-alive connections, ${restarts} restarts each`)
  const runs = []
  for (const freshPerSecond of FRESH_PER_SECOND) {
    for (const name of apps) runs.push(await measure(name, freshPerSecond, restarts))
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
  return verdict(failed === 0 && done, `${failed} failed requests; the figure is 0`)
}

async function measure(name, freshPerSecond, restarts) {
  const { program, port, tls } = await startApp(name)
  const load = createLoad({
    port,
    tls,
    keepAliveConnections: KEEP_ALIVE_CONNECTIONS,
    thinkMs: [0, 5],
    freshPerSecond,
    // A request that is late is not lost, and this load is more than a small machine can do.
    requestTimeoutMs: 30_000,
  })
  load.start()
  await sleep(CALM_MS)
  for (let count = 1; count <= restarts; count++) {
    progress(`${name}, ${freshPerSecond} fresh/s: restart ${count} of ${restarts}`)
    load.markRestart()
    program.signal('SIGHUP')
    await load.settled({
      step: `restart ${count} of ${name}`,
      deadlineMs: 60_000,
      explain: () => program.output.toString(),
    })
  }
  const report = await load.stop()
  await program.end()
  return { name, report }
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
