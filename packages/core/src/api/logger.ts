import type { System } from '../node/system.js'
import { messageOf } from './endless-error.js'

/**
 * Takes the lines that endless logs. `console`, pino and Fastify's `app.log` are loggers.
 *
 * @example endless(app, { logger: console })
 */
export interface Logger {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/**
 * Writes each line to standard error with the pid, as several generations share one terminal.
 *
 * A stream whose reader has gone emits an error that would end the process: a service must not die
 * of its log, so that error is what this swallows, and only while it writes.
 */
export function createStderrLogger({ pid, stderr }: Pick<System, 'pid' | 'stderr'>): Logger {
  const ignore = (): void => undefined
  // Counted, for one listener: many lines in one turn would look like a leak to Node.
  let underWay = 0
  const written = (): void => {
    if (--underWay === 0) stderr().off('error', ignore)
  }
  const write = (message: string): void => {
    if (underWay++ === 0) stderr().on('error', ignore)
    stderr().write(`[endless ${String(pid)}] ${message}\n`, (error) => {
      // A failure is emitted after this call.
      if (error) setImmediate(written)
      else written()
    })
  }
  return { info: write, warn: write, error: write }
}

/**
 * Wraps a logger of the application so that it can end nothing: what it throws or rejects with goes to another, together
 * with the line. A log that is full or closed must not leave a restart half done.
 */
export function createSafeLogger(logger: Logger, fallback: Logger): Logger {
  const target: { [level in keyof Logger]: (message: string) => unknown } = logger
  const writeTo =
    (level: keyof Logger) =>
    (message: string): void => {
      // Async: one that returns a promise fails later.
      const write = async (): Promise<unknown> => target[level](message)
      write().catch((error: unknown) => {
        fallback.error(`The logger failed: ${messageOf(error)}. The line was: ${message}`)
      })
    }
  return { info: writeTo('info'), warn: writeTo('warn'), error: writeTo('error') }
}
