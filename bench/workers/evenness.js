// Opens connections that stay, in a burst and one by one: how soon all workers have equally many, that nothing moves
// afterwards, and what the supervisor spends on it.
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorkers } from '../lib/workers.js'
import { cpuMicroseconds } from '../lib/cpu-time.js'
import { askAll, openIdle } from '../lib/idle-connections.js'
import { ms, progress, progressEnd, table, title, verdict } from '../lib/print.js'

const WORKERS = 4
const CONNECTIONS = 100
const FAIR = 1.1
const EVEN_WITHIN_MS = 3_000
const CPU_CONNECTIONS = 1_000
const MOST_CPU = 0.01

export async function run({ quick }) {
  title(`workers: ${CONNECTIONS} connections that stay, over ${WORKERS} workers`)
  const calmMs = quick ? 5_000 : 30_000
  const results = []
  for (const way of ['in a burst', 'one by one']) results.push(await open(way, calmMs))
  const share = await cpuShare(quick ? 5_000 : 30_000)
  progressEnd()
  table(
    ['opened', 'at first', 'even after', 'fullest ÷ mean', 'moved later', 'closed'],
    results.map(({ way, first, evenMs, ratio, later, closed }) => [
      ...[way, first.toFixed(2), ms(evenMs), ratio.toFixed(2), later, closed],
    ]),
  )
  const text = `${(share * 100).toFixed(2)} % of a core`
  console.log(`\nsupervisor with ${WORKERS} workers and ${CPU_CONNECTIONS} connections: ${text}`)
  const met =
    share < MOST_CPU &&
    results.every(
      ({ evenMs, ratio, later, closed }) =>
        evenMs <= EVEN_WITHIN_MS && ratio <= FAIR && later + closed === 0,
    )
  return verdict(
    met,
    `at most ${FAIR} within ${EVEN_WITHIN_MS / 1_000} s, none closed, none moved in the ${calmMs / 1_000} s after, ` +
      `supervisor below ${MOST_CPU * 100} % of a core`,
  )
}

async function open(way, calmMs) {
  progress(way)
  const service = await startWorkers('worker', WORKERS)
  const connections = []
  if (way === 'in a burst') connections.push(...(await openIdle(service.port, CONNECTIONS)))
  else {
    for (let count = 0; count < CONNECTIONS; count++) {
      connections.push(...(await openIdle(service.port, 1)))
    }
  }
  const openedMs = performance.now()
  const first = await ratioOf(service)
  let ratio = first
  let evenMs = performance.now() - openedMs
  while (ratio > FAIR && evenMs < 2 * EVEN_WITHIN_MS) {
    await sleep(50)
    ratio = await ratioOf(service)
    evenMs = performance.now() - openedMs
  }
  // A look of the supervisor may still be on its way.
  await sleep(1_000)
  const { evenedOut } = (await service.status()).supervisor
  await sleep(calmMs)
  const later = (await service.status()).supervisor.evenedOut - evenedOut
  const closed = (await askAll(connections)).get('closed') ?? 0
  for (const connection of connections) connection.close()
  await service.program.end()
  return { way, first, evenMs, ratio, later, closed }
}

async function ratioOf(service) {
  const { generations } = await service.status()
  const open = generations.map(({ servers }) =>
    servers.reduce((sum, { connections }) => sum + connections.open, 0),
  )
  const mean = open.reduce((sum, count) => sum + count, 0) / open.length
  return mean === 0 ? 1 : Math.max(...open) / mean
}

async function cpuShare(durationMs) {
  progress('CPU of the supervisor')
  const service = await startWorkers('worker', WORKERS)
  const connections = await openIdle(service.port, CPU_CONNECTIONS)
  // Until they are even.
  await sleep(5_000)
  const before = cpuMicroseconds(service.program.pid)
  await sleep(durationMs)
  const share = (cpuMicroseconds(service.program.pid) - before) / 1_000 / durationMs
  for (const connection of connections) connection.close()
  await service.program.end()
  return share
}
