import { generation, type EndlessServer, type Logger } from '@endless/core'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { isSilent } from './silent-log.js'

// The open apps of this process: where endless logs, and what closes after a drain.

/** The apps of this process that are still open, in order of registration. */
const openApps = new Set<FastifyInstance>()
let lastLog: FastifyBaseLogger | undefined
let isRegistered = false

/**
 * Logs to the first open app that has a logger, or else to the logger of the app that closed last: a
 * process has one logger, while a test suite creates one app after another.
 */
export const logger = {
  ...loggerTo(currentLog),
  /** Marks each line, as a child of the app's logger does. */
  child(bindings: Record<string, unknown>): Logger {
    const children = new WeakMap<FastifyBaseLogger, FastifyBaseLogger>()
    return loggerTo(() => {
      const log = currentLog()
      if (!log) return undefined
      const child = children.get(log) ?? log.child(bindings)
      children.set(log, child)
      return child
    })
  },
}

function loggerTo(log: () => FastifyBaseLogger | undefined): Logger {
  return {
    info: (message) => log()?.info(message),
    warn: (message) => log()?.warn(message),
    error: (message) => log()?.error(message),
  }
}

function currentLog(): FastifyBaseLogger | undefined {
  const first = [...openApps].find(({ log }) => !isSilent(log))
  return first?.log ?? lastLog
}

/** Closes an app after the drain, so that its `onClose` hooks run before the process exits. */
export function closeAfterDrain(app: FastifyInstance, server: EndlessServer): void {
  openApps.add(app)
  app.addHook('onClose', () => {
    openApps.delete(app)
    if (!isSilent(app.log)) lastLog = app.log
  })
  // Not before the drain: a closing app responds with 503 and closes idle connections at once. And not
  // when the user closes only the server: supertest does so after each request, then uses the app again.
  server.server.on('close', () => {
    void server.terminated.then(async ({ reason }) => {
      if (reason !== 'closed') await close(app)
    })
  })
  // Once for all apps: a test suite creates hundreds in one process.
  if (!isRegistered) generation.onTerminate(closeAll)
  isRegistered = true
}

async function closeAll(): Promise<void> {
  await Promise.all([...openApps].map(close))
}

/** Closes an app, or waits if its close has begun already; logs the error of an `onClose` hook. */
async function close(app: FastifyInstance): Promise<void> {
  try {
    await app.close()
  } catch (error) {
    app.log.error(error)
  }
}
