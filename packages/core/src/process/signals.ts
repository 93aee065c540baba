import type { HookSignal } from '../api/hooks.js'
import type { Logger } from '../api/logger.js'
import type { System } from '../node/system.js'

// Which signals are caught, and the warning about other listeners to them.

/** Signals on which a foreign listener could end the drain early, or to which it gives another meaning. */
const contested: ReadonlySet<string | symbol> = new Set(['SIGHUP', 'SIGTERM', 'SIGINT', 'SIGUSR2'])

/** Catches signals, from the first `listen` until the last server has terminated. */
export class Signals {
  readonly #system: System
  readonly #logger: () => Logger
  readonly #listeners = new Map<HookSignal, () => void>()
  readonly #onSignal: (signal: HookSignal) => void
  /** Signals with a foreign listener; the log names each of them once. */
  readonly #warned = new Set<HookSignal>()
  #isLooking = false
  #endWatch: (() => void) | undefined

  constructor(system: System, logger: () => Logger, onSignal: (signal: HookSignal) => void) {
    this.#system = system
    this.#logger = logger
    this.#onSignal = onSignal
  }

  /** Catches these signals, except those that are caught already. */
  install(signals: readonly HookSignal[]): void {
    for (const signal of signals) {
      if (this.#listeners.has(signal)) continue
      const listener = (): void => {
        this.#onSignal(signal)
      }
      this.#system.onSignal(signal, listener)
      this.#listeners.set(signal, listener)
    }
    this.#warn()
    this.#endWatch ??= this.#system.onNewListener((event) => {
      if (!contested.has(event) || this.#isLooking) return
      // Code that listens to one signal often listens to others in the same turn: one warning names all.
      this.#isLooking = true
      queueMicrotask(() => {
        this.#isLooking = false
        this.#warn()
      })
    })
  }

  /** Lets signals act again as they do without endless. */
  uninstall(): void {
    for (const [signal, listener] of this.#listeners) this.#system.offSignal(signal, listener)
    this.#listeners.clear()
    this.#endWatch?.()
    this.#endWatch = undefined
  }

  /** Returns the signals with a foreign listener that nobody has been warned about. */
  #find(): HookSignal[] {
    const system = this.#system
    const found = [...this.#listeners.keys()].filter(
      (signal) =>
        contested.has(signal) &&
        !this.#warned.has(signal) &&
        system.signalListeners(signal).length > 1 + system.signalExitListeners(),
    )
    for (const signal of found) this.#warned.add(signal)
    return found
  }

  #warn(): void {
    const all = this.#find()
    if (all.includes('SIGUSR2')) this.#warnOfHammer()
    const found = all.filter((signal) => signal !== 'SIGUSR2')
    if (found.length === 0) return
    const harms = [
      ...(found.includes('SIGHUP') ? ['ends the service instead of restarting it'] : []),
      ...(found.some((signal) => signal !== 'SIGHUP') ? ['loses requests'] : []),
    ]
    this.#logger().warn(
      `Another listener to ${found.join(', ')} is in this process. If it closes servers or exits, it ` +
        `${harms.join(' or ')}. If it is asynchronous, nothing waits for it: the process exits as soon ` +
        'as it has drained. Move its work to generation.onTerminate(…), which is awaited.',
    )
  }

  #warnOfHammer(): void {
    this.#logger().warn(
      'Another listener to SIGUSR2 is in this process. While a process drains, SIGUSR2 is the hammer too, and ' +
        'cuts off the requests that are left. If it means something else here, such as log rotation, leave ' +
        "it out of the option signals: ['SIGHUP', 'SIGTERM', 'SIGINT']. 'endless hammer' works without it.",
    )
  }
}
