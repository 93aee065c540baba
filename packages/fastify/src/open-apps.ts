import { generation, type Logger } from '@endless/core'
import type { FastifyInstance } from 'fastify'

/** The apps of this process that are not closed, in the order of their registration. */
const openApps = new Set<FastifyInstance>()
let isRegistered = false

/** Lets the process wait for the app's `onClose` hooks before it exits. */
export function closeBeforeExit(app: FastifyInstance): void {
  openApps.add(app)
  app.addHook('onClose', () => void openApps.delete(app))
  // Once for all apps: a test suite makes hundreds in one process.
  if (!isRegistered) generation.onTerminate(async () => void (await Promise.all([...openApps].map(close))))
  isRegistered = true
}

/** Closes an app, or joins the closing that is under way; an `onClose` hook that fails is logged. */
export async function close(app: FastifyInstance): Promise<void> {
  try {
    await app.close()
  } catch (error) {
    app.log.error(error)
  }
}

/** The log of the first app that is open: a process has one logger. */
export function loggerOf(app: FastifyInstance): Logger {
  const [first = app] = openApps
  return first.log
}
