// Compares `endless run app.js` with `node app.js`, for a program without a line of endless: the start, the
// memory and the requests per second. Needs wrk, and /proc.
import { freePort } from '@endless/load'
import { spawnApp } from './lib/app.js'
import { firstAnswer } from './lib/first-answer.js'
import { randomLayout } from './lib/layout.js'
import { memoryBytes } from './lib/memory-bytes.js'
import { megabytes, ms, progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median, medianInterval } from './lib/statistics.js'
import { loadWithWrk } from './lib/wrk.js'

const FIGURE = 0.99
const WARM_UP_SECONDS = 1
const TURN_SECONDS = 1

export async function run({ quick }) {
  title('run-cost: endless run app.js against node app.js; medians, and the ratio of the pairs')
  const rounds = quick ? 5 : 40
  const starts = []
  const rates = []
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    // Each way is first in every other round, so that both get the same of a machine that changes.
    const order = round % 2 === 0 ? [0, 1] : [1, 0]
    starts.push(await startPair(order))
    rates.push(await loadPair(order))
  }
  progressEnd()
  table(
    ['', 'rounds', 'start', 'memory at rest', 'of the supervisor', 'requests/s'],
    ['node app.js', 'endless run app.js'].map((name, way) => {
      const of = (key) => median(starts.map((pair) => pair[way][key]))
      const supervisor = way === 1 ? megabytes(of('supervisorBytes')) : ''
      const rate = Math.round(median(rates.map((pair) => pair[way])))
      return [name, rounds, ms(of('startMs')), megabytes(of('bytes')), supervisor, rate]
    }),
  )
  const ratios = rates.map(([alone, supervised]) => supervised / alone)
  const ratio = median(ratios)
  const interval = medianInterval(ratios).map((bound) => bound.toFixed(3))
  return verdict(
    ratio >= FIGURE,
    `at least ${FIGURE} times the requests per second; measured: ${ratio.toFixed(3)} (95 %: ${interval.join(' to ')})`,
  )
}

/** Starts the app both ways, one after the other. */
async function startPair(order) {
  const pair = []
  for (const way of order) {
    const { program, fromMs, port } = await spawnWay(way)
    const startMs = await firstAnswer(port, fromMs)
    const { pid } = await program.waitForGeneration(0, { deadlineMs: 10_000 })
    pair[way] = { startMs, bytes: memoryBytes(pid), supervisorBytes: memoryBytes(program.pid) }
    await program.end()
  }
  return pair
}

/** Puts load on both, one after the other, in new processes with random layouts; returns the requests per second. */
async function loadPair(order) {
  const apps = []
  for (const way of order) apps[way] = await spawnWay(way, { NODE_OPTIONS: randomLayout() })
  for (const { program } of apps) await program.waitForGeneration(0, { deadlineMs: 10_000 })
  for (const { port } of apps) await loadWithWrk(port, { seconds: WARM_UP_SECONDS })
  const pair = []
  for (const way of order) {
    const { requests, seconds } = await loadWithWrk(apps[way].port, { seconds: TURN_SECONDS })
    pair[way] = requests / seconds
  }
  await Promise.all(apps.map(({ program }) => program.end()))
  return pair
}

/** Spawns the app: by `node`, or as the second way by `endless run`. */
async function spawnWay(way, more = {}) {
  const port = await freePort()
  const env = { PORT: String(port), ...more }
  const fromMs = performance.now()
  return {
    program: spawnApp('node-http', { bare: true, supervised: way === 1, env }),
    fromMs,
    port,
  }
}
