// Compares the latency that a rehearsal measures with what wrk and autocannon measure, on the same server, one after
// the other, again and again: each keeps 10 connections busy without a pause.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort, startProgram } from '@endless/load'
import { rehearse } from '@endless/rehearse'
import autocannon from 'autocannon'
import { ms, progressEnd, table, title, verdict } from './lib/print.js'

const connections = 10
/** How much the medians may differ, as a factor. */
const most = 1.5

export async function run({ quick }) {
  const rounds = quick ? 1 : 5
  const seconds = quick ? 2 : 5
  title(
    `rehearse: p50 and p99 beside wrk's and autocannon's, ${connections} connections, median of ${rounds}`,
  )
  const port = await freePort()
  const app = fileURLToPath(new URL('apps/node-http.mjs', import.meta.url))
  const program = startProgram({ args: [app], env: { PORT: String(port) } })
  await program.waitForGeneration(0, { deadlineMs: 30_000 })
  const url = `http://127.0.0.1:${port}`
  const tools = { wrk: byWrk, autocannon: byAutocannon, rehearse: byRehearse }
  const found = Object.fromEntries(Object.keys(tools).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, measure] of Object.entries(tools)) {
      found[name].push(await measure(url, seconds))
    }
  }
  await program.end()
  progressEnd()
  const medians = Object.entries(found).map(([name, results]) => ({
    name,
    requests: median(results.map(({ requests }) => requests)),
    p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
  }))
  table(
    ['tool', 'requests', 'p50', 'p99'],
    medians.map(({ name, requests, p50Ms, p99Ms }) => [name, requests, ms(p50Ms), ms(p99Ms)]),
  )
  const [, cannon, own] = medians
  return verdict(
    // autocannon counts whole milliseconds.
    own.p50Ms <= Math.max(1, cannon.p50Ms) * most,
    `p50 of the rehearsal at most ${most} times that of autocannon, which is in Node, too`,
  )
}

async function byWrk(url, seconds) {
  const child = spawn('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  await once(child, 'close')
  const at = (name) => {
    const [, value, unit] = new RegExp(`${name}\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? []
    return Number(value) * { us: 0.001, ms: 1, s: 1_000 }[unit]
  }
  const [, requests] = /(\d+) requests in/.exec(text) ?? []
  return { requests: Number(requests), p50Ms: at('50%'), p99Ms: at('99%') }
}

async function byAutocannon(url, seconds) {
  const { latency, requests } = await autocannon({ url, connections, duration: seconds })
  return { requests: requests.total, p50Ms: latency.p50, p99Ms: latency.p99 }
}

async function byRehearse(url, seconds) {
  const { report } = await rehearse({
    url,
    restarts: 0,
    restartCommand: 'true',
    calmMs: seconds * 1_000,
    size: { kept: connections, rate: 0, fresh: 0, idle: 0 },
  })
  const { p50Ms, p99Ms } = report.latency.calm
  return { requests: report.requests.total, p50Ms, p99Ms }
}

function median(values) {
  return values.toSorted((one, other) => one - other)[values.length >> 1]
}
