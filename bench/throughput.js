// Measures what endless costs while nothing restarts: requests per second compared with the same app without
// endless, and under the supervisor compared with the same app on its own. On a busy machine, look at the
// CPU time per request, which does not include waiting for a CPU.
import { startApp } from './lib/app.js'
import { cpuMicroseconds } from './lib/cpu-time.js'
import { randomLayout } from './lib/layout.js'
import { progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median, medianInterval } from './lib/statistics.js'
import { loadWithWrk } from './lib/wrk.js'

/** Pairs of ways to run an app; ratios divide the second by the first. */
const COMPARISONS = [
  ...['node-http', 'express', 'koa', 'fastify'].map((app) => ({
    name: app,
    app,
    ways: [{ bare: true }, {}],
  })),
  { name: 'supervised', app: 'node-http', ways: [{}, { supervised: true }] },
]
const FIGURE = 0.99
const WIDEST_INTERVAL = 0.02
/** V8 compiles in the first seconds, and so longer the more a program has loaded. */
const WARM_UP_SECONDS = 4
const TURN_SECONDS = 1

export async function run({ app: names, quick }) {
  title('throughput: with endless against the same app without; the ratios are medians of pairs')
  const pairs = quick ? { fewest: 3, most: 3 } : { fewest: 20, most: 400 }
  const results = []
  for (const comparison of COMPARISONS.filter(({ name }) => names?.includes(name) ?? true)) {
    results.push({ name: comparison.name, ...(await compare(comparison, pairs)) })
  }
  progressEnd()
  table(
    ['app', 'pairs', 'without/s', 'with/s', 'ratio', '95 %', 'CPU ratio', '95 %'],
    results.map(({ name, pairs, rate, cpu }) => [
      name,
      pairs,
      Math.round(rate.without),
      Math.round(rate.with),
      rate.ratio.toFixed(3),
      rate.interval.map((bound) => bound.toFixed(3)).join(' to '),
      cpu.ratio.toFixed(3),
      cpu.interval.map((bound) => bound.toFixed(3)).join(' to '),
    ]),
  )
  const notes = [
    ...results.filter(({ rate }) => rate.ratio < FIGURE).map(({ name }) => `; missed by ${name}`),
    ...results
      .filter(({ rate }) => rate.width > WIDEST_INTERVAL)
      .map(({ name }) => `; interval of ${name} wider than ${WIDEST_INTERVAL}`),
  ]
  return verdict(notes.length === 0, `ratio at least ${FIGURE}${notes.join('')}`)
}

async function compare({ name, app, ways }, { fewest, most }) {
  const pairs = []
  let rate
  do {
    pairs.push(await measurePair(app, ways, pairs.length % 2 === 0))
    rate = summary(pairs, ({ requests, seconds }) => requests / seconds)
    const { ratio, width } = rate
    progress(`${name}: ${pairs.length} pairs, ratio ${ratio.toFixed(3)}, ${width.toFixed(3)} wide`)
  } while (pairs.length < fewest || (rate.width > WIDEST_INTERVAL && pairs.length < most))
  const cpu = summary(pairs, ({ requests, cpuMicroseconds }) => cpuMicroseconds / requests)
  return { pairs: pairs.length, rate, cpu }
}

function summary(pairs, valueOf) {
  const [without, withEndless] = [0, 1].map((way) => pairs.map((pair) => valueOf(pair[way])))
  const ratios = without.map((value, i) => withEndless[i] / value)
  const interval = medianInterval(ratios)
  return {
    without: median(without),
    with: median(withEndless),
    ratio: median(ratios),
    interval,
    width: interval[1] - interval[0],
  }
}

/**
 * Measures both ways, one after the other, in new processes with random layouts. The order alternates from
 * pair to pair, so that a machine that becomes slower or faster meanwhile affects both ways equally.
 */
async function measurePair(name, ways, isInOrder) {
  const apps = await Promise.all(
    ways.map(async (way) => {
      const { program, port } = await startApp(name, { ...way, nodeOptions: randomLayout() })
      return { program, pid: program.current.pid, port }
    }),
  )
  await Promise.all(apps.map(({ port }) => loadWithWrk(port, { seconds: WARM_UP_SECONDS })))
  const measured = new Map()
  for (const app of isInOrder ? apps : apps.toReversed()) {
    measured.set(app, await measure(app))
  }
  await Promise.all(apps.map(({ program }) => program.end()))
  return apps.map((app) => measured.get(app))
}

async function measure({ pid, port }) {
  const before = cpuMicroseconds(pid)
  const load = await loadWithWrk(port, { seconds: TURN_SECONDS })
  return { ...load, cpuMicroseconds: cpuMicroseconds(pid) - before }
}
