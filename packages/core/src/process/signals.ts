import type { HookSignal } from '../api/hooks.js'
import type { Logger } from '../api/logger.js'
import type { System } from '../node/system.js'

/** Signals that a foreign listener would make into the end of the drain. */
const contested: ReadonlySet<string | symbol> = new Set(['SIGHUP', 'SIGTERM', 'SIGINT'])

/** Catches the signals of the process, from the first server that listens to the last. */
export class Signals {
  readonly #system: System
  readonly #logger: () => Logger
  readonly #listeners = new Map<HookSignal, () => void>()
  readonly #onSignal: (signal: HookSignal) => void
  /** Foreign listeners that have been found: each signal is named once. */
  readonly #warned = new Set<HookSignal>()
  #found: HookSignal[] = []
  #endWatch: (() => void) | undefined

  constructor(system: System, logger: () => Logger, onSignal: (signal: HookSignal) => void) {
    this.#system = system
    this.#logger = logger
    this.#onSignal = onSignal
  }

  /** Catches these signals; a second call adds nothing to what is caught already. */
  install(signals: readonly HookSignal[]): void {
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
      // Whoever listens to one listens to several, one after the other: that is one warning.
      queueMicrotask(() => {
        this.#warn()
      })
    })
  }

  /** Lets signals do again what they do without endless. */
  uninstall(): void {
    for (const [signal, listener] of this.#listeners) this.#system.offSignal(signal, listener)
    this.#listeners.clear()
    this.#endWatch?.()
    this.#endWatch = undefined
  }

  /** Whether that is to be warned about. */
  #find(signal: HookSignal): boolean {
    if (!contested.has(signal) || this.#warned.has(signal)) return false
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
        `${harms.join(' or ')}; and nobody waits for an asynchronous one: the process exits as soon ` +
        'as it has drained. Move what it does to generation.onTerminate(…), which is awaited.',
    )
  }
}
