// Restarts the Express example three times under load, and shows what its clients noticed of it.
//   npm run demo
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { colors, createLoad, endAll, freePort, startProgram, until } from '@endless/load'
import { Live } from './live.js'
import { printReport } from './report.js'

const RESTARTS = 3
const CALM_MS = 2_000
const KEEP_ALIVE_CONNECTIONS = 50
const FRESH_PER_SECOND = 100

const folder = fileURLToPath(new URL('../examples/express', import.meta.url))
const live = new Live()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // Whatever was started is ended when the process exits.
  process.once(signal, () => process.exit(1))
}

try {
  process.exitCode = (await demo()) ? 0 : 1
} catch (error) {
  live.clear()
  console.error(colors.red(error.message))
  process.exitCode = 1
} finally {
  await endAll()
}

async function demo() {
  const port = await freePort()
  const program = startProgram({ args: ['app.js'], cwd: folder, env: { PORT: String(port) } })
  const explain = () => program.output.toString()
  await program.waitForLine(/^Generation 0/, { step: 'the example serves', deadlineMs: 10_000 })
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
      'send GETs and POSTs, and nothing twice',
  )
  live.follow(() => load.snapshot())

  let pid = program.pid
  for (let count = 1; count <= RESTARTS; count++) {
    await sleep(CALM_MS)
    live.say(`Restart ${count} of ${RESTARTS}: kill -HUP ${pid}`)
    load.markRestart()
    program.signal('SIGHUP', pid)
    const wait = { step: `restart ${count}`, deadlineMs: 20_000, explain }
    const restart = await until(() => answered(load.snapshot()), wait)
    pid = restart.pid
    live.say(`  pid ${pid} answers, ${Math.round(restart.firstAnswerAfterMs)} ms later`)
    await load.settled(wait)
  }
  await sleep(CALM_MS)

  const report = await load.stop()
  live.clear()
  // The old generations leave by themselves; one that stayed would show in the table below.
  const gone = () => program.alive.every((alive) => alive === pid)
  await until(gone, { step: 'the old generations end', deadlineMs: 8_000, explain })
  program.signal('SIGTERM', pid)
  await program.waitForEnd(pid, { step: 'the last generation ends', deadlineMs: 10_000 })

  printReport(report)
  return report.failed === 0 && report.generations.length === RESTARTS + 1
}

/** The last restart, if its new process has answered. */
function answered({ restarts }) {
  const restart = restarts.at(-1)
  return restart.pid && restart
}
