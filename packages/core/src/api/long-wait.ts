import type { Timers } from '../node/waits.js'
import { durationOf } from './duration.js'
import type { Logger } from './logger.js'

// Says what is waited for, once a wait has become long.

/** After this time, a wait is long. */
const longMs = 5_000

/** What {@link sayIfLong} needs from its surroundings. */
export interface LongWaitHost {
  readonly system: Timers
  readonly logger: Logger
}

/**
 * What is waited for, and how long at most from the beginning of the wait, in ms: negative without a limit,
 * `undefined` if nobody knows. `{ what: 'listen on [::]:3000', limitMs: 10_000 }`
 */
export interface Wait {
  readonly what: string
  readonly limitMs?: number | undefined
}

/**
 * Logs what is waited for, if the wait is not over after 5 s. Returns a function that ends the wait.
 *
 * @param look called then; returns `undefined` if there is nothing to say
 */
export function sayIfLong(
  { system, logger }: LongWaitHost,
  look: () => Wait | undefined,
): () => void {
  // Unreferenced: a line in the log is no reason to live.
  const timer = system
    .setTimeout(() => {
      const wait = look()
      if (wait && !isOver(wait)) logger.info(waitNotice(wait))
    }, longMs)
    .unref()
  return () => {
    clearTimeout(timer)
  }
}

/** Whether the time of a wait is over at this moment, so that what comes of it is said next. */
function isOver({ limitMs = -1 }: Wait): boolean {
  return limitMs >= 0 && limitMs <= longMs
}

function waitNotice({ what, limitMs }: Wait): string {
  if (limitMs === undefined) return `waiting for ${what}`
  return `waiting for ${what}, ${limitOf(limitMs < 0 ? limitMs : limitMs - longMs)}`
}

/** Returns how long something may take: `at most 52 s`, or `no time limit` for a negative time. */
export function limitOf(timeMs: number): string {
  return timeMs < 0 ? 'no time limit' : `at most ${durationOf(timeMs)}`
}
