import type { System } from '../node/system.js'
import { late, within } from '../node/waits.js'
import { durationOf } from './duration.js'
import { EndlessError, messageOf } from './endless-error.js'
import { atStart } from './generation-name.js'
import type { Logger } from './logger.js'
import { sayIfLong } from './long-wait.js'

// Hooks around signals: their types, those of one server, and the functions that run them.

/** The signals that have hooks. */
export const hookSignals = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'SIGTSTP'] as const

export type HookSignal = (typeof hookSignals)[number]

/** Whether a hook runs before or after endless acts on a signal. */
export type HookPhase = 'before' | 'after'

/** Runs before or after endless acts on a signal. A promise is awaited; its value is ignored. */
export type SignalHook = () => unknown

/** Hooks by phase and signal: `{ before: { SIGHUP: announce }, after: { SIGTERM: [flush] } }`. */
export type HookOptions = {
  [phase in HookPhase]?: { [signal in HookSignal]?: SignalHook | SignalHook[] }
}

interface Registered {
  phase: HookPhase
  signal: HookSignal
  hook: SignalHook
  order: number
}

// Counted across all servers: their hooks run in the order of registration, whichever server they belong to.
let registrations = 0

/** The hooks of one server. */
export class Hooks {
  readonly registered: Registered[] = []

  constructor(options: HookOptions = {}) {
    for (const [phase, bySignal] of Object.entries(options) as [string, unknown][]) {
      if (bySignal === null || typeof bySignal !== 'object') {
        throw invalidHook(`hooks.${phase} is not an object`)
      }
      for (const [signal, hooks] of Object.entries(bySignal)) {
        for (const hook of [hooks].flat()) this.add(phase, signal, hook as SignalHook)
      }
    }
  }

  add(phase: string, signal: string, hook: SignalHook): void {
    if (phase !== 'before' && phase !== 'after') {
      throw invalidHook(`unknown phase '${phase}': use 'before' or 'after'`)
    }
    if (!(hookSignals as readonly string[]).includes(signal)) {
      throw invalidHook(`unknown signal '${signal}': use one of ${hookSignals.join(', ')}`)
    }
    if (typeof hook !== 'function') {
      throw invalidHook(`the hook ${phase} ${signal} is not a function`)
    }
    this.registered.push({ phase, signal: signal as HookSignal, hook, order: registrations++ })
  }
}

function invalidHook(found: string): EndlessError {
  return new EndlessError('ERR_ENDLESS_INVALID_HOOK', `Cannot register a signal hook: ${found}.`)
}

/** What functions of the application run in, and what bounds them. */
export interface HookSurroundings {
  system: System
  logger: Logger
  /** How long each may take. */
  boundMs: number
  /** Settles when nothing waits for them any more. @default never */
  cut?: Promise<unknown> | undefined
}

/** How a function of the application ended. */
export type HookOutcome = 'done' | 'failed' | 'late' | 'cut'

const isCut = Symbol('cut')

/**
 * Runs the hooks of several servers for one phase of one signal, one after the other. If a hook throws,
 * rejects, or takes longer than `boundMs`, this is logged and the next hook runs. After a cut, no further
 * hook runs.
 */
export async function runHooks(
  all: Iterable<Hooks>,
  phase: HookPhase,
  signal: HookSignal,
  surroundings: HookSurroundings,
): Promise<void> {
  const hooks = [...all]
    .flatMap((list) => list.registered)
    .filter((each) => each.phase === phase && each.signal === signal)
    .sort((a, b) => a.order - b.order)
  for (const { hook } of hooks) {
    const outcome = await bounded(`the hook ${phase} ${signal}`, hook, surroundings)
    if (outcome === 'cut') return
  }
}

/**
 * Runs an application function. Logs and goes on if it throws, rejects, takes longer than `boundMs`, or is
 * cut short.
 *
 * @param what names it in the log: `the hook before SIGHUP`
 */
export async function bounded(
  what: string,
  body: () => unknown,
  { system, logger, boundMs, cut }: HookSurroundings,
): Promise<HookOutcome> {
  const endWait = sayIfLong({ system, logger }, () => ({ what, limitMs: boundMs }))
  try {
    const end = (async () => body())()
    const cutEnd = cut?.then(() => isCut)
    const outcome = await within(cutEnd ? Promise.race([end, cutEnd]) : end, boundMs, system)
    if (outcome === isCut) {
      logger.warn(`${atStart(what)} was cut short by the hammer.`)
      return 'cut'
    }
    if (outcome !== late) return 'done'
    logger.error(
      `${atStart(what)} has not ended after ${durationOf(boundMs)}; going on without it.`,
    )
    return 'late'
  } catch (error) {
    logger.error(`${atStart(what)} failed: ${messageOf(error)}; going on.`)
    return 'failed'
  } finally {
    endWait()
  }
}
