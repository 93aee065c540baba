import { setTimeout as sleep } from 'node:timers/promises'
import { createLoad } from '@endless/load'
import { startApp } from './app.js'
import { progress } from './print.js'

const CALM_MS = 3_000

/**
 * Restarts an app again and again while clients that never retry are at work on it, and resolves with
 * what they saw.
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
    // A request that is late is not lost, and much of this load is more than a small machine can do.
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
    // So that there is calm to compare with also between the restarts, when all are warm.
    await sleep(1_000)
  }
  const report = await load.stop()
  await program.end()
  return report
}
