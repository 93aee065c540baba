import type { System } from './system.js'

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
