// Measures how soon a process exits that has WebSockets which the application closes, or moves into the new process.
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { startApp } from './lib/app.js'
import { ms, progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median } from './lib/statistics.js'

const CONNECTIONS = 1_000
const AT_ONCE = 50
const DEADLINE_MS = 30_000
const FIGURE_MS = 2_000

export async function run({ quick }) {
  const rounds = quick ? 1 : 5
  title(`web-sockets: ${CONNECTIONS} WebSockets and a restart; medians of ${rounds}`)
  const rows = []
  let isMet = true
  for (const way of ['closed', 'moved']) {
    const measured = []
    for (let round = 1; round <= rounds; round++) {
      progress(`${way}: run ${round} of ${rounds}`)
      measured.push(await measure(way))
    }
    const times = measured.map(({ exitMs }) => exitMs)
    isMet &&= Math.max(...times) <= FIGURE_MS
    isMet &&= measured.every(
      ({ open, closed }) => (way === 'moved' ? open : closed) === CONNECTIONS,
    )
    const all = (name) => measured.map((each) => each[name]).join(' ')
    rows.push([way, ms(median(times)), ms(Math.max(...times)), all('closed'), all('open')])
  }
  progressEnd()
  table(['by the drain', 'exit after', 'max', 'closed with 1012', 'still open'], rows)
  return verdict(
    isMet,
    `every WebSocket is closed or moved, and the process exits in ${ms(FIGURE_MS)} after it was taken over`,
  )
}

async function measure(way) {
  const { program, port } = await startApp('web-sockets', { env: { WAY: way } })
  const clients = []
  let closed = 0
  while (clients.length < CONNECTIONS) {
    const next = Array.from({ length: AT_ONCE }, () => new WebSocket(`ws://127.0.0.1:${port}/`))
    await Promise.all(next.map((client) => once(client, 'open')))
    clients.push(...next)
  }
  for (const client of clients) {
    client.on('close', (code) => {
      if (code === 1012) closed++
    })
  }
  const { pid } = program.current
  program.signal('SIGHUP', pid)
  await program.waitForEnd(pid, { step: 'the old process exits', deadlineMs: DEADLINE_MS })
  const exitedMs = performance.timeOrigin + performance.now()
  const { atMs } = program.events.find((each) => each.pid === pid && each.event === 'taken-over')
  const answers = await Promise.all(clients.map(ask))
  for (const client of clients) client.terminate()
  await program.end()
  return { exitMs: exitedMs - atMs, closed, open: answers.filter((it) => it === '1 hello').length }
}

/** Resolves with the answer on a WebSocket, or with nothing if it is closed. */
async function ask(client) {
  if (client.readyState !== WebSocket.OPEN) return undefined
  client.send('hello')
  const [data] = await Promise.race([once(client, 'message'), once(client, 'close').then(() => [])])
  return data && String(data)
}
