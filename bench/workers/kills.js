// Kills one of four workers each second, under fresh connections alone: no connection is refused, and only what was
// inside of a worker is lost.
import { setTimeout as sleep } from 'node:timers/promises'
import { createLoad } from '@endless/load'
import { startWorkers } from '../lib/workers.js'
import { progress, progressEnd, table, title, verdict } from '../lib/print.js'

const WORKERS = 4
const EVERY_MS = 1_000

export async function run({ quick }) {
  const kills = quick ? 5 : 60
  title(
    `workers: kill -9 of one of ${WORKERS} each second, ${kills} times, 300 fresh connections a second`,
  )
  const service = await startWorkers('worker', WORKERS)
  const load = createLoad({
    port: service.port,
    keepAliveConnections: 0,
    freshPerSecond: 300,
    requestTimeoutMs: 30_000,
  })
  load.start()
  for (let count = 1; count <= kills; count++) {
    await sleep(EVERY_MS)
    progress(`kill ${count} of ${kills}`)
    const { generations } = await service.status()
    const serving = generations.filter(({ state }) => state === 'running')
    const victim = serving[count % serving.length]
    if (victim) service.program.signal('SIGKILL', victim.pid)
  }
  const { requests, failures, connections } = await load.stop()
  await service.program.end()
  progressEnd()
  const refused = failures.filter(({ kind }) => kind === 'connect').length
  const lost = failures.length - refused
  table(
    ['requests', 'kills', 'refused', 'lost inside', 'lost at a kill', 'skipped'],
    [[requests, kills, refused, lost, (lost / kills).toFixed(2), connections.freshSkipped]],
  )
  return verdict(refused === 0, `${refused} refused; the target is 0`)
}
