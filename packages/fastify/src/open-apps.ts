import { generation, type EndlessServer, type Logger } from '@endless/core'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { isSilent } from './silent-log.js'

/** The apps of this process that are not closed, in the order of their registration. */
const openApps = new Set<FastifyInstance>()
let lastLog: FastifyBaseLogger | undefined
let isRegistered = false

/**
 * Logs to the first app that is open and logs anything, or to the one that was open last: a process has
 * one logger, and a test suite makes one app after the other.
 */
export const logger: Logger = {
  info: (message) => currentLog()?.info(message),
  warn: (message) => currentLog()?.warn(message),
  error: (message) => currentLog()?.error(message),
}

function currentLog(): FastifyBaseLogger | undefined {
  const first = [...openApps].find(({ log }) => !isSilent(log))
  return first?.log ?? lastLog
}

/** Lets an app's `onClose` hooks run after the drain, and the process wait for them before it exits. */
export function closeAfterDrain(app: FastifyInstance, server: EndlessServer): void {
  openApps.add(app)
  app.addHook('onClose', () => {
    openApps.delete(app)
    if (!isSilent(app.log)) lastLog = app.log
  })
  // Not before the drain: a closing app answers 503 and closes idle connections at once. And not when
  // the user closes the server alone: supertest does after each request, and asks the app again.
  server.server.on('close', () => {
    void server.terminated.then(async ({ reason }) => {
      if (reason !== 'closed') await close(app)
    })
  })
  // Once for all apps: a test suite makes hundreds in one process.
  if (!isRegistered) generation.onTerminate(closeAll)
  isRegistered = true
}

async function closeAll(): Promise<void> {
  await Promise.all([...openApps].map(close))
}

/** Closes an app, or joins the closing that is under way; an `onClose` hook that fails is logged. */
async function close(app: FastifyInstance): Promise<void> {
  try {
    await app.close()
  } catch (error) {
    app.log.error(error)
  }
}
