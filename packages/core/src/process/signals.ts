import type { HookSignal } from '../api/hooks.js'
import type { Logger } from '../api/logger.js'
import type { HeldListeners } from '../node/held-listeners.js'
import type { System } from '../node/system.js'

// Which signals are caught, and the warning about other listeners to them.

/** Signals on which a foreign listener could end the drain early. */
const ending: ReadonlySet<string | symbol> = new Set(['SIGHUP', 'SIGTERM', 'SIGINT'])

/** These, and the signal to which it may give another meaning. */
const contested: ReadonlySet<string | symbol> = new Set([...ending, 'SIGUSR2'])

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
  #held: HeldListeners | undefined

  constructor(system: System, logger: () => Logger, onSignal: (signal: HookSignal) => void) {
    this.#system = system
    this.#logger = logger
    this.#onSignal = onSignal
  }

  /** Catches these signals, except those that are caught already; may hold other listeners back. */
  install(signals: readonly HookSignal[], others: 'call' | 'hold' = 'call'): void {
    if (others === 'hold') this.#hold(signals)
    else this.#release()
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
    this.#release()
  }

  #release(): void {
    this.#held?.release()
    this.#held = undefined
  }

  /**
   * Calls the listeners that were held back, as if a signal had come; without any to that signal, those to
   * SIGTERM or SIGINT. Returns what they returned.
   *
   * @param endsItself called when a listener ends with `process.kill(process.pid, signal)`, as many do
   */
  callHeld(signal: HookSignal, endsItself: () => void): unknown[] {
    const held = this.#held
    const called = [signal, 'SIGTERM' as const, 'SIGINT' as const].find(
      (each) => (held?.count(each, this.#listeners.get(each)) ?? 0) > 0,
    )
    if (!held || !called) return []
    return held.call(called, this.#listeners.get(called), endsItself)
  }

  #hold(signals: readonly HookSignal[]): void {
    this.#held ??= this.#system.holdListeners(
      signals.filter((signal) => ending.has(signal)),
      (signal) => this.#listeners.get(signal as HookSignal)?.(),
    )
  }

  /** Returns the signals with a foreign listener that nobody has been warned about. */
  #find(): HookSignal[] {
    const system = this.#system
    const found = [...this.#listeners.keys()].filter(
      (signal) =>
        contested.has(signal) &&
        !(this.#held && ending.has(signal)) &&
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
      'Another listener to SIGUSR2 is in this process. While a process drains, SIGUSR2 also cuts off the ' +
        'requests that are left. If nobody sends it for another reason, such as log rotation, all is well. ' +
        "If somebody does, set the option signals to ['SIGHUP', 'SIGTERM', 'SIGINT'], without it: " +
        "'endless hammer' works all the same.",
    )
  }
}
