import { type EndlessError, type EndlessErrorCode, messageOf } from '../api/endless-error.js'
import type { HookSignal } from '../api/hooks.js'
import type { RestartReport } from '../api/reports.js'
import type { Occasion } from '../server/managed-server.js'
import type { Parts } from './parts/parts.js'
import type { Restart } from './restart.js'

/** The process, as far as signals act on it. */
export interface SignalActionsHost {
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
  readonly #host: SignalActionsHost
  readonly #parts: Parts
  #interruptedMs = -Infinity
  #isHangingUp = false
  #hangUpAgain = false

  constructor(host: SignalActionsHost, parts: Parts) {
    this.#host = host
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
        this.#host.hammer()
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
    const host = this.#host
    await host.currentRestart?.settled
    // It has handed over meanwhile: no hook runs around what is refused.
    return host.isShuttingDown ? host.restart() : this.#restart()
  }

  async #hangUp(): Promise<void> {
    const host = this.#host
    const { ancestry, servers, settings } = this.#parts
    if (host.isShuttingDown) {
      // Whoever signals the old pid means the service.
      host.currentRestart?.successor?.signal('SIGHUP')
      return
    }
    if (ancestry.terminal === 'gone') {
      settings.logger.info('the terminal has been closed: shutting down')
      await servers.runHooks('before', 'SIGHUP')
      await host.shutDown({ reason: 'shutdown', isInteractive: true }, 0, 'SIGHUP')
      return
    }
    this.#hangUpAgain = true
    if (this.#isHangingUp) return
    this.#isHangingUp = true
    await this.#restartAsAsked()
    this.#isHangingUp = false
  }

  async #restartAsAsked(): Promise<void> {
    const host = this.#host
    // Signals that arrive while a successor boots are together answered by one more restart.
    while (this.#takeHangUp()) {
      await host.currentRestart?.settled
      if (host.isShuttingDown) {
        host.currentRestart?.successor?.signal('SIGHUP')
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
      return await this.#host.restart()
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
    const host = this.#host
    const { ancestry, servers, settings, system } = this.#parts
    if (signal === 'SIGINT') {
      const sinceMs = system.now() - this.#interruptedMs
      // npm and shells pass Ctrl-C on to a process that the terminal has told already.
      if (sinceMs < ctrlCEchoMs) return
      this.#interruptedMs = system.now()
      if (host.isShuttingDown && sinceMs < Infinity) {
        host.hammer()
        return
      }
    }
    const isInteractive = signal === 'SIGINT' && ancestry.terminal === 'present'
    const delayMs = signal === 'SIGTERM' ? settings.current.shutdownDelayMs : 0
    // A predecessor that drains has run them; it only learns not to serve again.
    if (!host.isShuttingDown) await servers.runHooks('before', signal)
    await host.shutDown({ reason: 'shutdown', isInteractive }, delayMs, signal)
  }
}
