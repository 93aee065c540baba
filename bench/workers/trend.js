// Rolls two workers again and again: the supervisor's descriptors and memory may not grow, and nothing may fail.
import { readdirSync } from 'node:fs'
import { createLoad } from '@endless/load'
import { startWorkers } from '../lib/workers.js'
import { memoryBytes } from '../lib/memory-bytes.js'
import { megabytes, progress, progressEnd, table, title, verdict } from '../lib/print.js'
import { median } from '../lib/statistics.js'

const MEMORY_TOLERANCE = 0.1

export async function run({ quick }) {
  const rolls = quick ? 20 : 300
  const every = rolls / 10
  title(`workers: the supervisor's resources over ${rolls} rolls of two workers`)
  const service = await startWorkers('worker', 2)
  const load = createLoad({
    port: service.port,
    keepAliveConnections: 5,
    thinkMs: [5, 20],
    freshPerSecond: 10,
    requestTimeoutMs: 30_000,
  })
  load.start()
  const looks = []
  for (let count = 1; count <= rolls; count++) {
    progress(`roll ${count} of ${rolls}`)
    const { error } = await service.restart()
    if (error) throw new Error(`roll ${count}: ${error.message}\n${service.program.output}`)
    await service.settled()
    if (count % every !== 0) continue
    const { pid } = service.program
    looks.push({
      count,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      memoryBytes: memoryBytes(pid),
    })
  }
  const { failed, connections } = await load.stop()
  await service.program.end()
  progressEnd()
  table(
    ['after', 'open descriptors', 'memory (RSS)'],
    looks.map(({ count, descriptors, memoryBytes }) => [
      ...[`${count} rolls`, descriptors, megabytes(memoryBytes)],
    ]),
  )
  // Memory goes up and down with garbage collection, so a trend shows only in the medians of both halves.
  const half = looks.length / 2
  const [early, late] = [looks.slice(0, half), looks.slice(half)].map((part) =>
    median(part.map(({ memoryBytes }) => memoryBytes)),
  )
  const closed = connections.closedAnnounced + connections.closedUnannounced
  console.log(`\nmedians of the halves: ${megabytes(early)}, ${megabytes(late)}`)
  const met =
    failed + closed === 0 &&
    looks.at(-1).descriptors <= looks[0].descriptors &&
    late <= early * (1 + MEMORY_TOLERANCE)
  return verdict(met, `no trend; ${failed} failed, ${closed} closed`)
}
