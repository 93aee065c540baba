// Lets 20 connections work that two workers have 16 and 4 of, or 10 each, at half load: how soon the first is as good
// as the second.
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorkers } from '../lib/workers.js'
import { ms, progress, progressEnd, table, title, verdict } from '../lib/print.js'
import { median } from '../lib/statistics.js'

const CONNECTIONS = 20
/** 500 requests a second of 2 ms each: one core of two. */
const THINK_MS = 38
const EVEN_AFTER_MS = 2_000
const MEASURE_MS = 5_000
const MOST_RATIO = 1.2
const REQUEST = 'GET /work HTTP/1.1\r\nHost: localhost\r\n\r\n'

export async function run({ quick }) {
  title(
    `workers: ${CONNECTIONS} connections of two workers at half load, split 16 and 4, or 10 and 10`,
  )
  const rounds = quick ? 1 : 5
  const p99 = { uneven: [], even: [], left: [] }
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    p99.even.push(await measure([10, 10], []))
    p99.uneven.push(await measure([16, 4], []))
    p99.left.push(await measure([16, 4], ['--no-balance']))
  }
  progressEnd()
  const [even, uneven, left] = [p99.even, p99.uneven, p99.left].map(median)
  table(
    ['p99 of 10 and 10', 'of 16 and 4', 'ratio', 'with --no-balance', 'ratio'],
    [[ms(even), ms(uneven), (uneven / even).toFixed(2), ms(left), (left / even).toFixed(2)]],
  )
  return verdict(
    uneven / even <= MOST_RATIO,
    `p99 at most ${MOST_RATIO} times that of 10 and 10, from ${EVEN_AFTER_MS / 1_000} s on`,
  )
}

/** Resolves with the 99th percentile of the latency, from two seconds on. */
async function measure(split, runArgs) {
  const service = await startWorkers('worker', 2, { runArgs })
  const clients = await openSplit(service.port, split)
  const beganMs = performance.now()
  const latencies = []
  const endMs = beganMs + EVEN_AFTER_MS + MEASURE_MS
  await Promise.all(
    clients.map(async (client) => {
      await sleep(Math.random() * THINK_MS)
      while (performance.now() < endMs) {
        const askedMs = performance.now()
        await client.ask()
        const answeredMs = performance.now()
        if (askedMs - beganMs > EVEN_AFTER_MS) latencies.push(answeredMs - askedMs)
        await sleep(THINK_MS * (0.5 + Math.random()))
      }
    }),
  )
  for (const client of clients) client.close()
  await service.program.end()
  return latencies.sort((one, other) => one - other)[Math.floor(latencies.length * 0.99)]
}

/** Opens connections until each of two workers has as many as it should. */
async function openSplit(port, split) {
  const byPid = new Map()
  const spare = []
  for (;;) {
    const client = new Client(port)
    const pid = await client.ask()
    const place = byPid.get(pid) ?? []
    byPid.set(pid, [...place, client])
    const [one = [], other = []] = [...byPid.values()].sort((a, b) => b.length - a.length)
    if (one.length >= split[0] && other.length >= split[1]) {
      const chosen = [...one.slice(0, split[0]), ...other.slice(0, split[1])]
      for (const each of [...one, ...other, ...spare]) if (!chosen.includes(each)) each.close()
      return chosen
    }
  }
}

class Client {
  #socket
  #connected

  constructor(port) {
    this.#socket = net.connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
    this.#connected = once(this.#socket, 'connect')
  }

  /** Resolves with the pid that answers. */
  async ask() {
    await this.#connected
    this.#socket.write(REQUEST)
    let text = ''
    while (!text.endsWith('hello\n')) text += (await once(this.#socket, 'data'))[0]
    return /^x-pid: (\d+)/im.exec(text)[1]
  }

  close() {
    this.#socket.resetAndDestroy()
  }
}
