import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openIdle } from '../lib/idle-connections.js'
import { loadWithWrk } from '../lib/wrk.js'
import { startPeer } from './started.js'

const connections = 3_000

/** The program of the comparison without any peer. */
export const bare = {
  name: 'bare',
  workers: 1,
  command: ({ node }) => [node, 'apps/plain.mjs'],
}

/** Measures requests per second of each peer with one worker beside those of the bare program, in turns. */
export async function compareThroughput(peer, where) {
  const one = { ...where, workers: 1 }
  const services = await Promise.all([startPeer(bare, one), startPeer(peer, one)])
  try {
    const rates = []
    for (const [index, { port }] of services.entries()) {
      await loadWithWrk(port, { seconds: 1 })
      const { requests, seconds } = await loadWithWrk(port, { seconds: 2 })
      rates[index] = requests / seconds
    }
    return rates[1] / rates[0]
  } finally {
    await Promise.all(services.map(({ end }) => end()))
  }
}

/** Returns how many bytes of the processes of a peer an idle connection takes. */
export async function memoryOfConnection(peer, where) {
  const { program, port, end } = await startPeer(peer, { ...where, workers: 1 })
  try {
    await sleep(1_000)
    const before = memoryOf(program)
    const opened = await openIdle(port, connections)
    await sleep(1_000)
    const bytes = (memoryOf(program) - before) / connections
    for (const connection of opened) connection.close()
    return bytes
  } finally {
    await end()
  }
}

/** Memory of all processes, what they share counted once. */
function memoryOf({ alive }) {
  const kilobytes = alive.map((pid) =>
    Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]),
  )
  return kilobytes.reduce((sum, value) => sum + value, 0) * 1_024
}
