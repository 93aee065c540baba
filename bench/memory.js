// Measures how much more memory an idle connection needs than on a bare server, before and after a move.
import { until } from '@endless/load'
import { startApp } from './lib/app.js'
import { askAll, openIdle } from './lib/idle-connections.js'
import { progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median } from './lib/statistics.js'

const CONNECTIONS = 5_000
const FIGURE_BYTES = 300

export async function run({ quick }) {
  const rounds = quick ? 2 : 7
  title(`memory: bytes per idle connection, ${CONNECTIONS} each; medians of ${rounds} processes`)
  const samples = { bare: [], accepted: [], moved: [] }
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    samples.bare.push(await measure({ bare: true }))
    samples.accepted.push(await measure({}))
    const moved = await measure({ restart: true })
    if (moved !== undefined) samples.moved.push(moved) // undefined: some did not move
  }
  progressEnd()
  const bare = median(samples.bare)
  table(
    ['connection', 'bytes', 'more than bare'],
    Object.entries(samples).map(([kind, values]) => [
      kind,
      Math.round(median(values)),
      Math.round(median(values) - bare),
    ]),
  )
  const most = Math.max(median(samples.accepted), median(samples.moved))
  const more = Math.round(most - bare)
  const met = more <= FIGURE_BYTES && samples.moved.length === rounds
  return verdict(met, `at most ${FIGURE_BYTES} bytes more; measured: ${more}`)
}

/** Returns the bytes that each closed connection frees; undefined if some connections did not move. */
async function measure({ bare = false, restart = false }) {
  const { program, port } = await startApp('idle', { bare, execArgv: ['--expose-gc'] })
  const connections = await openIdle(port, CONNECTIONS)
  if (restart) {
    const { pid } = program.current
    program.signal('SIGHUP')
    await program.waitForEnd(pid, { step: 'the predecessor leaves', deadlineMs: 60_000 })
  }
  const answers = await askAll(connections)
  const full = await settledMemory(port, CONNECTIONS)
  for (const connection of connections) connection.close()
  const empty = await settledMemory(port, 0)
  await program.end()
  if (answers.get(restart ? '1' : '0') !== CONNECTIONS) return undefined
  return (full - empty) / CONNECTIONS
}

/** Resolves with the memory in use while `sockets` are open, once it no longer falls. */
function settledMemory(port, sockets) {
  let last = { bytes: Infinity, sockets: 0 }
  return until(
    async () => {
      const now = await memory(port)
      // Two more count as sockets: the connection of this request, and a listening socket that was passed.
      const isSettled = now.sockets <= sockets + 2 && now.bytes > last.bytes - CONNECTIONS
      last = now
      return isSettled && now.bytes
    },
    {
      step: `the memory of ${sockets} sockets settles`,
      deadlineMs: 20_000,
      everyMs: 100,
      explain: () => `last: ${last.bytes} bytes, ${last.sockets} sockets`,
    },
  )
}

async function memory(port) {
  const response = await fetch(`http://127.0.0.1:${port}/memory`, {
    headers: { connection: 'close' },
  })
  return response.json()
}
