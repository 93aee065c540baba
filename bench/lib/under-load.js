import { setTimeout as sleep } from 'node:timers/promises'
import { createLoad } from '@endless/load'
import { startApp } from './app.js'
import { progress } from './print.js'

/** How long response times do not count: the first generation is cold, as is this process. */
const WARM_UP_MS = 5_000
const CALM_MS = 1_000
/** How long a restart counts after the first answer of its new process, and a control after its start. */
const SETTLE_MS = 2_000
/**
 * A successor is in the session of its predecessor, and Linux shares the CPU between sessions first: a control in a
 * session of its own would take less from the service, and clients in another would get more than both.
 */
const oneSession = { detached: false }

/**
 * Restarts an app repeatedly under load from clients that never retry; resolves with the report of the
 * load.
 *
 * @param {string} name
 * @param {{ restarts: number, withControl?: boolean } & Partial<import('@endless/load').LoadOptions>} options
 * `withControl` follows each restart by a control: the same program is started beside the service, on a port of its
 * own, so that what a boot takes from the machine is told from what a handoff costs
 */
export async function restartUnderLoad(name, { restarts, withControl = false, ...options }) {
  const { program, port, tls } = await startApp(name, oneSession)
  const load = createLoad({
    port,
    tls,
    keepAliveConnections: 100,
    // A late request is not a lost one, and some of these loads are too much for a small machine.
    requestTimeoutMs: 30_000,
    warmUpMs: WARM_UP_MS,
    settleMs: SETTLE_MS,
    ...options,
  })
  load.start()
  // Adds calm periods before and between the restarts, to compare with: by then everything is warm.
  await sleep(WARM_UP_MS + CALM_MS)
  for (let count = 1; count <= restarts; count++) {
    progress(`${name}: restart ${count} of ${restarts}`)
    load.markRestart()
    program.signal('SIGHUP')
    await load.settled({
      step: `restart ${count} of ${name}`,
      deadlineMs: 60_000,
      explain: () => program.output.toString(),
    })
    await sleep(CALM_MS)
    if (!withControl) continue
    await load.control(() => startBeside(name))
    await sleep(CALM_MS)
  }
  const report = await load.stop()
  await program.end()
  return report
}

/** Starts an app that nobody asks for anything, and ends it when a restart would have settled. */
async function startBeside(name) {
  const { program } = await startApp(name, oneSession)
  await sleep(SETTLE_MS)
  await program.end()
}
