// Lets a few requests block their worker, on fresh connections: one queue for all workers serves the one that is free, while
// with round robin a request may wait behind one that blocks.
import { setTimeout as sleep } from 'node:timers/promises'
import { createLoad } from '@endless/load'
import { ways } from '../lib/workers.js'
import { ms, progress, progressEnd, table, title, verdict } from '../lib/print.js'
import { median } from '../lib/statistics.js'

const WORKERS = 2
const PER_SECOND = 100
const BLOCKS = 30

export async function run({ quick }) {
  title(
    `workers: ${PER_SECOND} fresh connections a second over ${WORKERS}, ${BLOCKS / 10} % of the requests block for 250 ms`,
  )
  const rounds = quick ? 1 : 5
  const durationMs = quick ? 10_000 : 30_000
  const p99 = { endless: [], cluster: [] }
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? ['endless', 'cluster'] : ['cluster', 'endless']
    for (const name of order) {
      progress(`${name}: round ${round + 1} of ${rounds}`)
      p99[name].push(await measure(name, durationMs))
    }
  }
  progressEnd()
  table(
    ['p99', ...p99.endless.map((_, at) => `round ${at + 1}`), 'median'],
    Object.entries(p99).map(([name, all]) => [name, ...all.map(ms), ms(median(all))]),
  )
  return verdict(median(p99.endless) <= median(p99.cluster), 'no worse than with round robin')
}

async function measure(name, durationMs) {
  const { program, port } = await ways[name]('worker', WORKERS, { BLOCKS: String(BLOCKS) })
  const load = createLoad({ port, keepAliveConnections: 0, freshPerSecond: PER_SECOND })
  load.start()
  await sleep(durationMs)
  const { latency, failed } = await load.stop()
  await program.end()
  if (failed > 0) throw new Error(`${failed} requests failed with ${name}`)
  return latency.calm.p99Ms
}
