import { messageOf, type EndlessError, type EndlessErrorCode } from '../api/endless-error.js'
import type { HookSignal } from '../api/hooks.js'
import type { Parts } from './parts/parts.js'
import type { RestartReport } from '../api/reports.js'
import type { Restart } from './restart.js'
import type { Occasion } from '../server/managed-server.js'

/** The process, as far as signals act on it. */
export interface SignalTarget {
  readonly isShuttingDown: boolean
  /** The last restart, or the one under way. */
  readonly currentRestart: Restart | undefined
  restart(): Promise<RestartReport>
  shutDown(occasion: Occasion, delayMs: number, signal: HookSignal): Promise<unknown>
  hammer(): void
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
  readonly #parts: Parts
  #interruptedMs = -Infinity
  #isHangingUp = false
  #hangUpAgain = false

  constructor(target: SignalTarget, parts: Parts) {
    this.#target = target
    this.#parts = parts
  }

  async on(signal: HookSignal): Promise<void> {
    const { servers } = this.#parts
    switch (signal) {
      case 'SIGHUP':
        await this.#hangUp()
        return
      case 'SIGTERM':
      case 'SIGINT':
        await this.#terminate(signal)
        return
      case 'SIGUSR2':
        await servers.runHooks('before', signal)
        this.#target.hammer()
        await servers.runHooks('after', signal)
        return
      case 'SIGUSR1':
      case 'SIGTSTP':
        await servers.runHooks('before', signal)
        await servers.runHooks('after', signal)
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
    await target.currentRestart?.settled
    // It has handed over meanwhile: no hook runs around what is refused.
    return target.isShuttingDown ? target.restart() : this.#restart()
  }

  async #hangUp(): Promise<void> {
    const target = this.#target
    const { ancestry, servers, settings } = this.#parts
    if (target.isShuttingDown) {
      // Whoever signals the old pid means the service.
      target.currentRestart?.successor?.signal('SIGHUP')
      return
    }
    if (ancestry.terminal === 'gone') {
      settings.logger.info('the terminal has been closed: shutting down')
      await servers.runHooks('before', 'SIGHUP')
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
      await target.currentRestart?.settled
      if (target.isShuttingDown) {
        target.currentRestart?.successor?.signal('SIGHUP')
        break
      }
      // The reason has been logged where it failed.
      await this.#restart().catch((error: unknown) => {
        const { logger } = this.#parts.settings
        if (refusals.has((error as EndlessError).code)) logger.warn(messageOf(error))
      })
    }
  }

  async #restart(): Promise<RestartReport> {
    const { servers } = this.#parts
    await servers.runHooks('before', 'SIGHUP')
    try {
      return await this.#target.restart()
    } finally {
      await servers.runHooks('after', 'SIGHUP')
    }
  }

  #takeHangUp(): boolean {
    const taken = this.#hangUpAgain
    this.#hangUpAgain = false
    return taken
  }

  async #terminate(signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
    const target = this.#target
    const { ancestry, servers, settings, system } = this.#parts
    if (signal === 'SIGINT') {
      const sinceMs = system.now() - this.#interruptedMs
      // npm and shells pass Ctrl-C on to a process that the terminal has told already.
      if (sinceMs < ctrlCEchoMs) return
      this.#interruptedMs = system.now()
      if (target.isShuttingDown && sinceMs < Infinity) {
        target.hammer()
        return
      }
    }
    const isInteractive = signal === 'SIGINT' && ancestry.terminal === 'present'
    const delayMs = signal === 'SIGTERM' ? settings.current.shutdownDelayMs : 0
    // A predecessor that drains has run them; it only learns not to serve again.
    if (!target.isShuttingDown) await servers.runHooks('before', signal)
    await target.shutDown({ reason: 'shutdown', isInteractive }, delayMs, signal)
  }
}
