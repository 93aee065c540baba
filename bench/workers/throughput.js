// Compares the requests per second of several workers with those of node:cluster and of PM2, in rounds: in each, all
// three run, and are measured one after the other, in an order that changes.
import { randomLayout } from '../lib/layout.js'
import { ways } from '../lib/workers.js'
import { progress, progressEnd, table, title, verdict } from '../lib/print.js'
import { median, medianInterval } from '../lib/statistics.js'
import { loadWithWrk } from '../lib/wrk.js'

const APPS = ['node-http', 'express']
const WORKERS = [2, 4]
const SECONDS = 2
/** V8 compiles in the first seconds, and so longer the more a program has loaded. */
const WARM_UP_SECONDS = 4
const names = Object.keys(ways)

export async function run({ quick, app: apps = APPS }) {
  title('workers: requests per second against node:cluster (round robin) and PM2 (cluster mode)')
  const rounds = quick ? 3 : 10
  const rows = []
  let met = true
  for (const app of apps) {
    for (const workers of WORKERS) {
      const rates = { endless: [], cluster: [], PM2: [] }
      for (let round = 0; round < rounds; round++) {
        progress(`${app}, ${workers} workers: round ${round + 1} of ${rounds}`)
        const measured = await measure(app, workers, round)
        for (const name of names) rates[name].push(measured[name])
      }
      const compared = ['cluster', 'PM2'].map((name) => {
        const ratios = rates.endless.map((rate, at) => rate / rates[name][at])
        return { ratio: median(ratios), interval: medianInterval(ratios) }
      })
      // The better of the two decides.
      met = compared.every(({ interval }) => interval[1] >= 1) && met
      rows.push([
        `${app}, ${workers}`,
        ...names.map((name) => Math.round(median(rates[name]))),
        ...compared.flatMap(({ ratio, interval }) => [
          ratio.toFixed(3),
          interval.map((bound) => bound.toFixed(2)).join(' to '),
        ]),
      ])
    }
  }
  progressEnd()
  table(
    ['app, workers', ...names.map((name) => `${name}/s`), 'to cluster', '95 %', 'to PM2', '95 %'],
    rows,
  )
  return verdict(met, 'at least as many as the better of the two')
}

async function measure(app, workers, round) {
  const running = {}
  for (const name of names) {
    running[name] = await ways[name](app, workers, { NODE_OPTIONS: randomLayout() })
  }
  const rates = {}
  try {
    const order = names.map((_, at) => names[(at + round) % names.length])
    for (const name of order) await loadWithWrk(running[name].port, { seconds: WARM_UP_SECONDS })
    for (const name of order) {
      const { requests, seconds } = await loadWithWrk(running[name].port, { seconds: SECONDS })
      rates[name] = requests / seconds
    }
  } finally {
    for (const { program } of Object.values(running)) await program.end()
  }
  return rates
}
