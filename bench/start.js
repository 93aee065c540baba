// Compares how long a restart takes without load with the start of the same program on its own, and of the
// same app on a bare server.
import { freePort } from '@endless/load'
import { spawnApp, startApp } from './lib/app.js'
import { firstAnswer } from './lib/first-answer.js'
import { ms, progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median } from './lib/statistics.js'

const APPS = ['node-http', 'express', 'koa', 'fastify']
const FIGURE = 1.15
const DEADLINE_MS = 30_000

export async function run({ app: apps = APPS, quick }) {
  title('start: time to the first answer, from SIGHUP or from the spawn of the program on its own')
  const rounds = quick ? 5 : 30
  const results = []
  for (const name of apps) results.push(await compare(name, rounds))
  progressEnd()
  table(
    ['app', 'rounds', 'bare', 'on its own', 'restart', 'to its own', 'to bare'],
    results.map(({ name, bare, alone, restart, ratio }) => [
      name,
      rounds,
      ms(bare),
      ms(alone),
      ms(restart),
      ratio.toFixed(2),
      (restart / bare).toFixed(2),
    ]),
  )
  const worst = Math.max(...results.map(({ ratio }) => ratio))
  return verdict(
    worst <= FIGURE,
    `at most ${FIGURE} times the start alone; worst: ${worst.toFixed(2)}`,
  )
}

async function compare(name, rounds) {
  const { program, port } = await startApp(name)
  const bare = []
  const alone = []
  const restart = []
  for (let round = 1; round <= rounds; round++) {
    progress(`${name}: round ${round} of ${rounds}`)
    bare.push(await timeStart(name, true))
    alone.push(await timeStart(name, false))
    restart.push(await timeRestart(program, port))
  }
  await program.end()
  const [b, a, r] = [bare, alone, restart].map(median)
  return { name, bare: b, alone: a, restart: r, ratio: r / a }
}

// Neither function below sends a request before a report that the new process serves: the predecessor would
// answer, and this load would slow the start.

async function timeStart(name, bare) {
  const port = await freePort()
  const fromMs = performance.now()
  const program = spawnApp(name, { bare, env: { PORT: String(port) } })
  await program.waitForGeneration(0, { step: `${name} listens`, deadlineMs: DEADLINE_MS })
  const tookMs = await firstAnswer(port, fromMs)
  await program.end()
  return tookMs
}

async function timeRestart(program, port) {
  const { pid } = program.current
  const fromMs = performance.now()
  program.signal('SIGHUP', pid)
  await program.waitForEvent((event) => event.pid === pid && event.event === 'taken-over', {
    step: `${pid} is succeeded`,
    deadlineMs: DEADLINE_MS,
  })
  const tookMs = await firstAnswer(port, fromMs, pid)
  // A predecessor that still works would slow the next start.
  await program.waitForEnd(pid, { step: `${pid} ends`, deadlineMs: DEADLINE_MS })
  return tookMs
}
