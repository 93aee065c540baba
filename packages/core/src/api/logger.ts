import type { System } from '../node/system.js'
import { messageOf } from './endless-error.js'
import { oneLine } from './one-line.js'

/**
 * Takes the lines that endless logs. `console`, pino and Fastify's `app.log` all fit. If it has a method `child`,
 * as pino has, the lines go to `logger.child({ name: 'endless', generation: 1 })`.
 *
 * @example endless(app, { logger: console })
 */
export interface Logger {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/**
 * Creates a logger that writes to standard error, each line with the pid: several generations share one
 * terminal.
 *
 * A stream whose reader has gone emits an 'error' that would end the process. A service must not die of its
 * log, so the logger swallows the error, but only while it writes.
 *
 * @param slot returns the slot of this process if there are several workers
 */
export function createStderrLogger(
  { pid, stderr }: Pick<System, 'pid' | 'stderr'>,
  slot: () => number | undefined = () => undefined,
): Logger {
  const ignore = (): void => undefined
  // Counted, so that one listener is enough: with one for each line, Node would warn of a leak.
  let underWay = 0
  const written = (): void => {
    if (--underWay === 0) stderr().off('error', ignore)
  }
  const write = (message: string): void => {
    if (underWay++ === 0) stderr().on('error', ignore)
    const place = slot()
    const origin = place === undefined ? String(pid) : `${String(pid)} slot ${String(place)}`
    stderr().write(`[endless ${origin}] ${oneLine(message)}\n`, (error) => {
      // Node emits 'error' after this callback.
      if (error) setImmediate(written)
      else written()
    })
  }
  return { info: write, warn: write, error: write }
}

/** What every line says of its origin, in a logger that has children. */
export interface LogBindings {
  name: 'endless'
  /** Number of the generation that logs. */
  generation: number
}

/**
 * Returns the child of a logger that marks its lines; the logger itself if it has no children, or gives none for
 * these marks: bunyan refuses a name.
 */
function childOf(logger: Logger, bindings: LogBindings): Logger {
  const { child } = logger as { child?: unknown }
  if (typeof child !== 'function') return logger
  try {
    return child.call(logger, bindings) as Logger
  } catch {
    return logger
  }
}

/**
 * Wraps a logger of the application: what it throws or rejects with goes to `fallback`, together with the
 * line. A log that is full or closed must not leave a restart half done.
 *
 * The line is clean before the application's logger gets it: `console` and many others write it as it is.
 */
export function createSafeLogger(logger: Logger, fallback: Logger, bindings: LogBindings): Logger {
  const target: { [level in keyof Logger]: (message: string) => unknown } = childOf(
    logger,
    bindings,
  )
  const writeTo =
    (level: keyof Logger) =>
    (text: string): void => {
      const message = oneLine(text)
      // Async: a method that returns a promise may fail later.
      const write = async (): Promise<unknown> => target[level](message)
      write().catch((error: unknown) => {
        fallback.error(`The logger failed: ${messageOf(error)}. The line was: ${message}`)
      })
    }
  return { info: writeTo('info'), warn: writeTo('warn'), error: writeTo('error') }
}
