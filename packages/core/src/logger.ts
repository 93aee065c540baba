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
  const write = (message: string): void => {
    stderr().once('error', ignore)
    stderr().write(`[endless ${String(pid)}] ${message}\n`, (error) => {
      // A failure is emitted after this call, to that listener.
      if (!error) stderr().off('error', ignore)
    })
  }
  return { info: write, warn: write, error: write }
}
