// Measures how idle connections survive restarts: how many still answer, how long they take to move, and
// how much other clients notice.
import { createLoad } from '@endless/load'
import { startApp } from './lib/app.js'
import { askAll, openIdle } from './lib/idle-connections.js'
import { ms, progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median } from './lib/statistics.js'

const FEW = { connections: 500, restarts: 3 }
const MANY = { connections: 10_000, restarts: 1 }
const OTHERS = { keepAliveConnections: 50, thinkMs: [20, 60] }
const LEAVE_DEADLINE_MS = 60_000
/** Limit for each 1,000 connections. */
const MOVE_FIGURE_MS = Number(process.versions.node.split('.')[0]) >= 26 ? 300 : 400
const OTHERS_FIGURE_MS = 50

export async function run({ quick }) {
  const rounds = quick ? 1 : 5
  title(
    `idle: connections that answer after restarts, on the same TCP connection; medians of ${rounds}`,
  )
  const results = []
  for (const subject of [FEW, MANY]) {
    const measured = []
    for (let round = 1; round <= rounds; round++) {
      progress(`${subject.connections} connections: run ${round} of ${rounds}`)
      measured.push(await measure(subject))
    }
    results.push({ ...subject, measured })
  }
  progressEnd()
  table(
    [
      'connections',
      'restarts',
      'answer after',
      'moved after',
      'per 1,000',
      'others: failed',
      'p50',
      'p99',
      'p99.9',
      'max',
    ],
    results.map(row),
  )
  const kept = results.every(({ connections, measured }) =>
    measured.every(({ alive, failed }) => alive === connections && failed === 0),
  )
  const many = summary(results.at(-1))
  return verdict(
    kept && many.moveMsPer1000 <= MOVE_FIGURE_MS && many.latency.p999Ms <= OTHERS_FIGURE_MS,
    `${kept ? 'every' : 'not every'} idle connection answers, and no other request fails; ` +
      `${MANY.connections}: at most ${MOVE_FIGURE_MS} ms for each 1,000, ` +
      `p99.9 of the others at most ${OTHERS_FIGURE_MS} ms`,
  )
}

async function measure({ connections, restarts }) {
  const { program, port } = await startApp('idle')
  const idle = await openIdle(port, connections)
  const load = createLoad({ port, ...OTHERS })
  load.start()
  await askAll(idle)
  let moveMs = 0
  for (let number = 1; number <= restarts; number++) {
    const { pid } = program.current
    load.markRestart()
    program.signal('SIGHUP', pid)
    const ended = (event) => event.pid === pid && event.event === 'terminate'
    const wait = { step: `generation ${number - 1} has left`, deadlineMs: LEAVE_DEADLINE_MS }
    const { atMs } = await program.waitForEvent(ended, wait)
    const takenOver = program.events.find(
      (event) => event.pid === pid && event.event === 'taken-over',
    )
    moveMs = atMs - takenOver.atMs
    await load.settled()
  }
  const answers = await askAll(idle)
  const { latency, failed } = await load.stop()
  for (const connection of idle) connection.close()
  await program.end()
  return { alive: answers.get(String(restarts)) ?? 0, moveMs, failed, latency: latency.restart }
}

/** Returns the medians of all runs. */
function summary({ connections, measured }) {
  const of = (get) => median(measured.map(get))
  const moveMs = of(({ moveMs }) => moveMs)
  const latency = Object.fromEntries(
    ['p50Ms', 'p99Ms', 'p999Ms', 'maxMs'].map((name) => [name, of(({ latency }) => latency[name])]),
  )
  return { moveMs, moveMsPer1000: (moveMs / connections) * 1_000, latency }
}

function row(result) {
  const { connections, restarts, measured } = result
  const { moveMs, moveMsPer1000, latency } = summary(result)
  return [
    connections,
    restarts,
    Math.min(...measured.map(({ alive }) => alive)),
    ms(moveMs),
    ms(moveMsPer1000),
    Math.max(...measured.map(({ failed }) => failed)),
    ...Object.values(latency).map(ms),
  ]
}
