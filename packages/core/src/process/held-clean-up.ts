import { messageOf } from '../api/endless-error.js'
import type { HookSignal } from '../api/hooks.js'
import type { Logger } from '../api/logger.js'
import type { System } from '../node/system.js'
import { deferred } from '../node/waits.js'

/** How long a listener may take to end the process if it returns no promise, in ms. */
const silentMs = 10_000

/** What {@link runHeld} needs from its surroundings. */
export interface HeldSurroundings {
  readonly system: Pick<System, 'setTimeout' | 'onIdle'>
  readonly logger: Logger
  /** How long listeners that return a promise may take. */
  readonly boundMs: number
  /** Settles when the hammer falls. */
  readonly cut: Promise<void>
  /** Calls the listeners, and returns what they returned; see `Signals.callHeld`. */
  readonly call: (signal: HookSignal, endsItself: () => void) => unknown[]
}

/**
 * Calls the signal listeners that were held back, as the last thing before the exit, and waits until they have
 * done their work; returns whether they have succeeded. They may end the process themselves.
 * See docs/decisions.md, "Held listeners may end the process"
 */
export async function runHeld(signal: HookSignal, world: HeldSurroundings): Promise<boolean> {
  const { system, logger, boundMs, cut, call } = world
  const ended = deferred()
  const timers: NodeJS.Timeout[] = []
  // Unreferenced: when nothing else keeps the process alive, the listeners have nothing left to do.
  const after = (timeMs: number): Promise<void> =>
    new Promise((resolve) => timers.push(system.setTimeout(resolve, timeMs).unref()))
  let endIdle: (() => void) | undefined
  try {
    const returned = call(signal, ended.resolve)
    if (returned.length === 0) return true
    endIdle = system.onIdle(ended.resolve)
    const early = [ended.promise, cut]
    await Promise.race([Promise.all(returned), after(boundMs), ...early])
    // One that returns no promise may have begun something, and calls `process.exit` when that is done.
    if (!returned.every(isPromise)) {
      await Promise.race([after(Math.min(boundMs, silentMs)), ...early])
    }
    return true
  } catch (error) {
    logger.error(`A listener to ${signal} failed: ${messageOf(error)}; going on.`)
    return false
  } finally {
    endIdle?.()
    for (const timer of timers) clearTimeout(timer)
  }
}

function isPromise(value: unknown): boolean {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
