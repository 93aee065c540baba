// Rolls workers under load, to a version that works and to one that fails in the third slot: nothing may be lost, all
// workers accept at any time, and all run one version at the end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLoad, until } from '@endless/load'
import { startWorkers } from '../lib/workers.js'
import { progress, progressEnd, table, title, verdict } from '../lib/print.js'

const DEADLINE_MS = 120_000
const LOOK_MS = 50
/** A slot that serves: it may restart meanwhile. */
const serves = ({ state }) => state === 'running' || state === 'restarting'

const CASES = [{ workers: 2 }, { workers: 4 }, { workers: 4, broken: '2' }]

export async function run({ quick }) {
  const rolls = quick ? 3 : 20
  title(`workers: ${rolls} rolls under 100 kept connections and 300 fresh ones a second`)
  const results = []
  for (const each of CASES) results.push(await roll({ ...each, rolls }))
  progressEnd()
  table(
    [
      'workers',
      'release',
      'requests',
      'failed',
      'closed',
      'moved',
      'fewest that serve',
      'versions',
    ],
    results.map((result) => [
      result.workers,
      result.broken === undefined ? 'works' : 'fails in slot 2',
      ...[result.requests, result.failed, result.closed, result.moved],
      ...[result.fewest, result.versions.join(', ')],
    ]),
  )
  const met = results.every(
    ({ failed, closed, fewest, versions, workers, broken }) =>
      failed + closed === 0 &&
      fewest >= workers &&
      versions.length === 1 &&
      versions[0] === (broken === undefined ? rolls : 0),
  )
  return verdict(met, '0 failed, 0 closed, never fewer workers, one version at the end')
}

async function roll({ workers, broken, rolls }) {
  const folder = mkdtempSync(join(tmpdir(), 'endless-bench-'))
  const file = join(folder, 'broken')
  writeFileSync(file, '')
  const service = await startWorkers('worker', workers, { env: { BROKEN: file } })
  const load = createLoad({
    port: service.port,
    keepAliveConnections: 100,
    thinkMs: [100, 300],
    freshPerSecond: 300,
    // A late request is not a lost one.
    requestTimeoutMs: 30_000,
  })
  load.start()
  await until(() => load.snapshot().answered > 500, { step: 'load', deadlineMs: DEADLINE_MS })
  let fewest = Infinity
  const looking = setInterval(() => {
    service.status().then(
      ({ generations }) => {
        const slots = new Set(generations.filter(serves).map(({ slot }) => slot))
        fewest = Math.min(fewest, slots.size)
      },
      () => undefined,
    )
  }, LOOK_MS)
  if (broken !== undefined) writeFileSync(file, broken)
  for (let count = 1; count <= rolls; count++) {
    progress(`${workers} workers: roll ${count} of ${rolls}`)
    const { error } = await service.restart()
    if ((error === undefined) !== (broken === undefined)) {
      throw new Error(`roll ${count}: ${JSON.stringify(error)}\n${service.program.output}`)
    }
    await service.settled()
  }
  clearInterval(looking)
  const generations = await service.settled()
  const { requests, failed, connections } = await load.stop()
  await service.program.end()
  rmSync(folder, { recursive: true })
  return {
    workers,
    broken,
    requests,
    failed,
    closed: connections.closedAnnounced + connections.closedUnannounced,
    moved: connections.moved,
    fewest,
    versions: [...new Set(generations.map(({ number }) => number))],
  }
}
