// What endless costs while nothing restarts: requests per second against the same app without it. On a
// machine that has other work, look at the CPU time for a request: waiting for a CPU is not part of it.
import { startApp } from './lib/app.js'
import { progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median, medianInterval } from './lib/statistics.js'
import { loadWithWrk } from './lib/wrk.js'

const APPS = ['node-http', 'express', 'koa', 'fastify']
const FIGURE = 0.99
const WIDEST_INTERVAL = 0.02
const WARM_UP_SECONDS = 1
const TURN_SECONDS = 1

export async function run({ app: apps = APPS, quick }) {
  title('throughput: with endless against the same app without; the ratios are medians of pairs')
  const pairs = quick ? { fewest: 3, most: 3 } : { fewest: 20, most: 120 }
  const results = []
  for (const name of apps) results.push({ name, ...(await compare(name, pairs)) })
  progressEnd()
  table(
    ['app', 'pairs', 'bare/s', 'endless/s', 'ratio', '95 %', 'CPU ratio', '95 %'],
    results.map(({ name, pairs, rate, cpu }) => [
      name,
      pairs,
      Math.round(rate.bare),
      Math.round(rate.endless),
      rate.ratio.toFixed(3),
      rate.interval.map((bound) => bound.toFixed(3)).join(' to '),
      cpu.ratio.toFixed(3),
      cpu.interval.map((bound) => bound.toFixed(3)).join(' to '),
    ]),
  )
  const notes = [
    ...results.filter(({ rate }) => rate.ratio < FIGURE).map(({ name }) => `, not ${name}`),
    ...results
      .filter(({ rate }) => rate.width > WIDEST_INTERVAL)
      .map(({ name }) => `, ${name} not known to ${WIDEST_INTERVAL}`),
  ]
  return verdict(notes.length === 0, `ratio at least ${FIGURE}${notes.join('')}`)
}

async function compare(name, { fewest, most }) {
  const pairs = []
  let rate
  do {
    pairs.push(await measurePair(name, pairs.length % 2 === 0))
    rate = summary(pairs, ({ requests, seconds }) => requests / seconds)
    const { ratio, width } = rate
    progress(`${name}: ${pairs.length} pairs, ratio ${ratio.toFixed(3)}, ${width.toFixed(3)} wide`)
  } while (pairs.length < fewest || (rate.width > WIDEST_INTERVAL && pairs.length < most))
  const cpu = summary(pairs, ({ requests, cpuMicroseconds }) => cpuMicroseconds / requests)
  return { pairs: pairs.length, rate, cpu }
}

function summary(pairs, valueOf) {
  const bare = pairs.map((pair) => valueOf(pair.bare))
  const endless = pairs.map((pair) => valueOf(pair.endless))
  const ratios = bare.map((value, i) => endless[i] / value)
  const interval = medianInterval(ratios)
  return {
    bare: median(bare),
    endless: median(endless),
    ratio: median(ratios),
    interval,
    width: interval[1] - interval[0],
  }
}

/**
 * Both are new processes in each pair: two runs of one program differ by more than what is to be
 * measured, and only new ones make that a matter of chance. Within a pair they take turns, so that
 * a machine that grows slower or faster meanwhile does so for both.
 */
async function measurePair(name, bareFirst) {
  const apps = []
  for (const kind of bareFirst ? ['bare', 'endless'] : ['endless', 'bare']) {
    const { program, port } = await startApp(name, { bare: kind === 'bare' })
    const sums = { requests: 0, seconds: 0, cpuMicroseconds: 0 }
    apps.push({ kind, program, pid: program.current.pid, port, sums })
  }
  for (const app of apps) await loadWithWrk(app, { seconds: WARM_UP_SECONDS })
  for (const app of [...apps, ...apps.toReversed()]) {
    const turn = await loadWithWrk(app, { seconds: TURN_SECONDS })
    for (const key in turn) app.sums[key] += turn[key]
  }
  for (const { program } of apps) await program.end()
  return Object.fromEntries(apps.map(({ kind, sums }) => [kind, sums]))
}
