import type { HookSignal } from './hooks.js'
import type { Logger } from './logger.js'
import type { System } from './system.js'

/** Signals that a foreign listener would make into the end of the drain. */
const contested: ReadonlySet<string | symbol> = new Set(['SIGHUP', 'SIGTERM', 'SIGINT'])

/** Catches the signals of the process, from the first server that listens to the last. */
export class Signals {
  readonly #system: System
  readonly #logger: () => Logger
  readonly #listeners = new Map<HookSignal, () => void>()
  readonly #onSignal: (signal: HookSignal) => void
  readonly #warned = new Set<string>()
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
      if (contested.has(signal) && this.#system.signalListeners(signal).length > 1) {
        this.#warn(signal)
      }
    }
    this.#endWatch ??= this.#system.onNewListener((event) => {
      if (contested.has(event) && this.#listeners.has(event as HookSignal)) {
        this.#warn(event as HookSignal)
      }
    })
  }

  /** Lets signals do again what they do without endless. */
  uninstall(): void {
    for (const [signal, listener] of this.#listeners) this.#system.offSignal(signal, listener)
    this.#listeners.clear()
    this.#endWatch?.()
    this.#endWatch = undefined
  }

  #warn(signal: HookSignal): void {
    if (this.#warned.has(signal)) return
    this.#warned.add(signal)
    this.#logger().warn(
      `Another ${signal} listener is in this process. If it closes servers or exits, requests are ` +
        `lost. Give it to endless instead: { hooks: { before: { ${signal}: … } } }, or ` +
        `generation.onTerminate(…) for what has to be cleaned up at the end.`,
    )
  }
}
