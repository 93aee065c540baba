// Restarts the Express example three times under load, and shows what its clients noticed.
//   npm run demo
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { colors, createLoad, endAll, freePort, startProgram, until } from '@endless/load'
import { Live } from './live.js'
import { printReport } from './report.js'

const RESTARTS = 3
const CALM_MS = 2_000
const LOOK_MS = 100
const KEEP_ALIVE_CONNECTIONS = 50
const FRESH_PER_SECOND = 100

const folder = fileURLToPath(new URL('../examples/express', import.meta.url))
const live = new Live()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    live.clear()
    // The exit also ends every program that was started; see `startProgram`.
    process.exit(128 + constants.signals[signal])
  })
}

let lossless = false
try {
  lossless = await demo()
} catch (error) {
  live.clear()
  console.error(colors.red(error.message))
}
await endAll()
// Exits at once: clients of an app that has died may still be at work.
process.exit(lossless ? 0 : 1)

async function demo() {
  const port = await freePort()
  const program = startProgram({ args: ['app.js'], cwd: folder, env: { PORT: String(port) } })
  const explain = () => program.output.toString()
  const dying = death(program)
  const serves = { step: 'the example serves', deadlineMs: 10_000 }
  await Promise.race([program.waitForLine(/^Generation 0/, serves), dying])
  live.say(`The Express example serves on port ${port}, pid ${program.pid}`)

  const load = createLoad({
    port,
    keepAliveConnections: KEEP_ALIVE_CONNECTIONS,
    thinkMs: [10, 50],
    freshPerSecond: FRESH_PER_SECOND,
  })
  load.start()
  live.say(
    `${KEEP_ALIVE_CONNECTIONS} keep-alive connections and ${FRESH_PER_SECOND} fresh ones a second ` +
      'send GETs and POSTs, and never retry',
  )
  live.follow(() => load.snapshot())

  const pid = await Promise.race([restarts(program, load), dying])
  const report = await load.stop()
  dying.catch(() => undefined) // from now on its end is no error
  live.clear()
  // The old generations exit by themselves, so only the last one gets a signal.
  const gone = () => program.alive.every((alive) => alive === pid)
  await until(gone, { step: 'the old generations end', deadlineMs: 8_000, explain })
  program.signal('SIGTERM', pid)
  await program.waitForEnd(pid, { step: 'the last generation ends', deadlineMs: 10_000 })

  printReport(report)
  return report.failed === 0 && report.generations.length === RESTARTS + 1
}

/** Restarts the app `RESTARTS` times; resolves with the pid of the last generation. */
async function restarts(program, load) {
  let { pid } = program
  for (let count = 1; count <= RESTARTS; count++) {
    await sleep(CALM_MS)
    live.say(`Restart ${count} of ${RESTARTS}: kill -HUP ${pid}`)
    load.markRestart()
    program.signal('SIGHUP', pid)
    const explain = () => program.output.toString()
    const wait = { step: `restart ${count}`, deadlineMs: 20_000, explain }
    const restart = await until(() => answered(load.snapshot()), wait)
    pid = restart.pid
    live.say(`  pid ${pid} answers, ${Math.round(restart.firstAnswerAfterMs)} ms later`)
    await load.settled(wait)
  }
  await sleep(CALM_MS)
  return pid
}

/** Returns the last restart, if its new process has answered. */
function answered({ restarts }) {
  const restart = restarts.at(-1)
  return restart.pid && restart
}

/** Rejects when no process of the app is left. */
async function death(program) {
  while (program.alive.length > 0) await sleep(LOOK_MS)
  throw new Error(`The app has died. It printed:\n${program.output}`)
}
