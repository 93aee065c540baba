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
/** A slot that changes hands serves nobody for a moment: connections wait in the queue, or another worker takes them. */
const MOST_MS = 50
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
    ['workers', 'release', 'requests', 'failed', 'closed', 'moved', 'one fewer for ms', 'versions'],
    results.map((result) => [
      result.workers,
      result.broken === undefined ? 'works' : 'fails in slot 2',
      ...[result.requests, result.failed, result.closed, result.moved],
      ...[result.fewer.map(Math.round).join(', ') || 'never', result.versions.join(', ')],
    ]),
  )
  const met = results.every(
    ({ failed, closed, fewer, versions, broken }) =>
      failed + closed === 0 &&
      fewer.every((forMs) => forMs <= MOST_MS) &&
      versions.length === 1 &&
      versions[0] === (broken === undefined ? rolls : 0),
  )
  const what = `one worker fewer for at most ${MOST_MS} ms, one version at the end`
  return verdict(met, `0 failed, 0 closed, ${what}`)
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
  const fewer = []
  const looking = setInterval(() => {
    fewerFor(service, workers).then(
      (forMs) => forMs > 0 && fewer.push(forMs),
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
    fewer,
    versions: [...new Set(generations.map(({ number }) => number))],
  }
}

/** Resolves with how long fewer workers serve than should, as long as that can be seen from outside; 0: all do. */
async function fewerFor(service, workers) {
  const beganMs = performance.now()
  for (let looks = 0; ; looks++) {
    const { generations } = await service.status()
    const slots = new Set(generations.filter(serves).map(({ slot }) => slot))
    if (slots.size >= workers) return looks === 0 ? 0 : performance.now() - beganMs
  }
}
