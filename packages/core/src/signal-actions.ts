import { messageOf, type EndlessError, type EndlessErrorCode } from './errors.js'
import type { HookPhase, HookSignal } from './hooks.js'
import type { Logger } from './logger.js'
import type { RestartReport } from './reports.js'
import type { Occasion } from './server.js'
import type { System } from './system.js'

/** The process, as far as signals act on it. */
export interface SignalTarget {
  readonly system: System
  readonly logger: Logger
  readonly isShuttingDown: boolean
  readonly shutdownDelayMs: number
  /** The controlling terminal: `gone` once it has been closed. */
  readonly terminal: 'present' | 'gone' | 'none'
  /** Settles when no restart is under way. */
  settled(): Promise<unknown>
  restart(): Promise<RestartReport>
  shutDown(occasion: Occasion, delayMs: number, signal: HookSignal): Promise<unknown>
  hammer(): void
  runHooks(phase: HookPhase, signal: HookSignal): Promise<void>
  /** Passes a signal on to the successor, if there is one. */
  signalSuccessor(signal: NodeJS.Signals): void
}

const ctrlCEchoMs = 500

/** Why nothing has been begun, and so nothing been logged. */
const refusals: ReadonlySet<string> = new Set<EndlessErrorCode>([
  'ERR_ENDLESS_NOT_RUNNING',
  'ERR_ENDLESS_UNSUPPORTED',
  'ERR_ENDLESS_UNSUPPORTED_PLATFORM',
])

/** What each signal makes of the process, with its hooks around. */
export class SignalActions {
  readonly #target: SignalTarget
  #interruptedMs = -Infinity
  #isHangingUp = false
  #hangUpAgain = false

  constructor(target: SignalTarget) {
    this.#target = target
  }

  async on(signal: HookSignal): Promise<void> {
    switch (signal) {
      case 'SIGHUP':
        await this.#hangUp()
        return
      case 'SIGTERM':
      case 'SIGINT':
        await this.#terminate(signal)
        return
      case 'SIGUSR2':
        await this.#target.runHooks('before', signal)
        this.#target.hammer()
        await this.#target.runHooks('after', signal)
        return
      case 'SIGUSR1':
      case 'SIGTSTP':
        await this.#target.runHooks('before', signal)
        await this.#target.runHooks('after', signal)
        return
      default:
        signal satisfies never
    }
  }

  /**
   * Restarts as SIGHUP does, with its hooks, after a restart that is under way.
   *
   * @throws (rejects) as `generation.restart()`
   */
  async restart(): Promise<RestartReport> {
    const target = this.#target
    await target.settled()
    // It has handed over meanwhile: no hook runs around what is refused.
    return target.isShuttingDown ? target.restart() : this.#restart()
  }

  async #hangUp(): Promise<void> {
    const target = this.#target
    if (target.isShuttingDown) {
      // Whoever signals the old pid means the service.
      target.signalSuccessor('SIGHUP')
      return
    }
    if (target.terminal === 'gone') {
      target.logger.info('the terminal has been closed: shutting down')
      await target.runHooks('before', 'SIGHUP')
      await target.shutDown({ reason: 'shutdown', isInteractive: true }, 0, 'SIGHUP')
      return
    }
    this.#hangUpAgain = true
    if (this.#isHangingUp) return
    this.#isHangingUp = true
    await this.#restartAsAsked()
    this.#isHangingUp = false
  }

  async #restartAsAsked(): Promise<void> {
    const target = this.#target
    // Signals that arrive while a successor boots are together answered by one more restart.
    while (this.#takeHangUp()) {
      await target.settled()
      if (target.isShuttingDown) {
        target.signalSuccessor('SIGHUP')
        break
      }
      // The reason has been logged where it failed.
      await this.#restart().catch((error: unknown) => {
        if (refusals.has((error as EndlessError).code)) target.logger.warn(messageOf(error))
      })
    }
  }

  async #restart(): Promise<RestartReport> {
    await this.#target.runHooks('before', 'SIGHUP')
    try {
      return await this.#target.restart()
    } finally {
      await this.#target.runHooks('after', 'SIGHUP')
    }
  }

  #takeHangUp(): boolean {
    const taken = this.#hangUpAgain
    this.#hangUpAgain = false
    return taken
  }

  async #terminate(signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
    const target = this.#target
    if (signal === 'SIGINT') {
      const sinceMs = target.system.now() - this.#interruptedMs
      // npm and shells pass Ctrl-C on to a process that the terminal has told already.
      if (sinceMs < ctrlCEchoMs) return
      this.#interruptedMs = target.system.now()
      if (target.isShuttingDown && sinceMs < Infinity) {
        target.hammer()
        return
      }
    }
    const isInteractive = signal === 'SIGINT' && target.terminal === 'present'
    const delayMs = signal === 'SIGTERM' ? target.shutdownDelayMs : 0
    // A predecessor that drains has run them; it only learns not to serve again.
    if (!target.isShuttingDown) await target.runHooks('before', signal)
    await target.shutDown({ reason: 'shutdown', isInteractive }, delayMs, signal)
  }
}
