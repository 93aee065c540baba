import { setTimeout as sleep } from 'node:timers/promises'
import { createLoad } from '@endless/load'
import { startApp } from './app.js'
import { progress } from './print.js'

const CALM_MS = 3_000

/**
 * Restarts an app repeatedly under load from clients that never retry; resolves with the report of the
 * load.
 *
 * @param {string} name
 * @param {{ restarts: number } & Partial<import('@endless/load').LoadOptions>} options
 */
export async function restartUnderLoad(name, { restarts, ...options }) {
  const { program, port, tls } = await startApp(name)
  const load = createLoad({
    port,
    tls,
    keepAliveConnections: 100,
    // A late request is not a lost one, and some of these loads are too much for a small machine.
    requestTimeoutMs: 30_000,
    ...options,
  })
  load.start()
  await sleep(CALM_MS)
  for (let count = 1; count <= restarts; count++) {
    progress(`${name}: restart ${count} of ${restarts}`)
    load.markRestart()
    program.signal('SIGHUP')
    await load.settled({
      step: `restart ${count} of ${name}`,
      deadlineMs: 60_000,
      explain: () => program.output.toString(),
    })
    // Adds calm periods between the restarts, to compare with: by then everything is warm.
    await sleep(1_000)
  }
  const report = await load.stop()
  await program.end()
  return report
}
