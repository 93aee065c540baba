import type { HookSignal } from '../api/hooks.js'
import type { Logger } from '../api/logger.js'
import type { HeldListeners } from '../node/held-listeners.js'
import type { System } from '../node/system.js'

// Which signals are caught, and the warning about other listeners to them.

/** Signals on which a foreign listener could end the drain early. */
const contested: ReadonlySet<string | symbol> = new Set(['SIGHUP', 'SIGTERM', 'SIGINT'])

/** Catches signals, from the first `listen` until the last server has terminated. */
export class Signals {
  readonly #system: System
  readonly #logger: () => Logger
  readonly #listeners = new Map<HookSignal, () => void>()
  readonly #onSignal: (signal: HookSignal) => void
  /** Signals with a foreign listener; the log names each of them once. */
  readonly #warned = new Set<HookSignal>()
  #found: HookSignal[] = []
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
      if (this.#system.signalListeners(signal).length > 1) this.#find(signal)
    }
    this.#warn()
    this.#endWatch ??= this.#system.onNewListener((event) => {
      if (!this.#listeners.has(event as HookSignal) || !this.#find(event as HookSignal)) return
      // Code that listens to one signal often listens to others in the same turn: one warning names all.
      queueMicrotask(() => {
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
      signals.filter((signal) => contested.has(signal)),
      (signal) => this.#listeners.get(signal as HookSignal)?.(),
    )
  }

  /** Notes a foreign listener; returns whether it is new and worth a warning. */
  #find(signal: HookSignal): boolean {
    if (this.#held || !contested.has(signal) || this.#warned.has(signal)) return false
    this.#warned.add(signal)
    this.#found.push(signal)
    return true
  }

  #warn(): void {
    const found = this.#found
    if (found.length === 0) return
    this.#found = []
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
}
