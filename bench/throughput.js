// What endless costs while nothing restarts: requests per second against the same app without it.
import { startApp } from './lib/app.js'
import { progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median, medianInterval } from './lib/statistics.js'
import { requestsPerSecond } from './lib/wrk.js'

const APPS = ['node-http', 'express', 'koa', 'fastify']
const FIGURE = 0.99
const WIDEST_INTERVAL = 0.02
const WARM_UP_SECONDS = 1
const TURN_SECONDS = 1

export async function run({ app: apps = APPS, quick }) {
  title('throughput: requests per second with endless, against the same app without')
  const pairs = quick ? { fewest: 3, most: 3 } : { fewest: 20, most: 120 }
  const results = []
  for (const name of apps) results.push(await compare(name, pairs))
  progressEnd()
  table(
    ['app', 'pairs', 'bare', 'endless', 'ratio (median)', '95 % interval'],
    results.map(({ name, bare, endless, ratio, interval }) => [
      name,
      bare.length,
      Math.round(median(bare)),
      Math.round(median(endless)),
      ratio.toFixed(3),
      interval.map((bound) => bound.toFixed(3)).join(' to '),
    ]),
  )
  const missed = results.filter(({ ratio }) => ratio < FIGURE).map(({ name }) => name)
  const wide = results.filter(({ interval }) => interval[1] - interval[0] > WIDEST_INTERVAL)
  const notes = [
    ...missed.map((name) => `, not ${name}`),
    ...wide.map(({ name }) => `, ${name} not known to ${WIDEST_INTERVAL}`),
  ]
  return verdict(notes.length === 0, `ratio at least ${FIGURE}${notes.join('')}`)
}

async function compare(name, { fewest, most }) {
  const bare = []
  const endless = []
  let interval = [0, Infinity]
  while (bare.length < most) {
    const pair = await measurePair(name, bare.length % 2 === 0)
    bare.push(pair.bare)
    endless.push(pair.endless)
    const ratios = bare.map((value, i) => endless[i] / value)
    interval = medianInterval(ratios)
    const wide = interval[1] - interval[0]
    progress(
      `${name}: ${bare.length} pairs, ratio ${median(ratios).toFixed(3)} ± ${(wide / 2).toFixed(3)}`,
    )
    if (bare.length >= fewest && wide <= WIDEST_INTERVAL) break
  }
  return {
    name,
    bare,
    endless,
    ratio: median(bare.map((value, i) => endless[i] / value)),
    interval,
  }
}

/**
 * Both are new processes in each pair: two runs of one program differ by more than what is to be
 * measured, and only new ones make that a matter of chance. Within a pair they take turns, so that
 * a machine that grows slower or faster meanwhile does so for both.
 */
async function measurePair(name, bareFirst) {
  const apps = [
    { kind: 'bare', sum: 0, ...(await startApp(name, { bare: true })) },
    { kind: 'endless', sum: 0, ...(await startApp(name)) },
  ]
  const [first, second] = bareFirst ? apps : apps.toReversed()
  for (const { port } of apps) await requestsPerSecond(port, { seconds: WARM_UP_SECONDS })
  for (const app of [first, second, second, first]) {
    app.sum += await requestsPerSecond(app.port, { seconds: TURN_SECONDS })
  }
  for (const { program } of apps) await program.end()
  return Object.fromEntries(apps.map(({ kind, sum }) => [kind, sum / 2]))
}
