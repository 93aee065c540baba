import { type EndlessError, type EndlessErrorCode, messageOf } from '../api/endless-error.js'
import { generationName } from '../api/generation-name.js'
import type { HookSignal } from '../api/hooks.js'
import type { RestartOptions, RestartReport } from '../api/reports.js'
import { deferred } from '../node/waits.js'
import type { Occasion } from '../server/managed-server.js'
import { ownName } from './notices.js'
import type { Parts } from './parts/parts.js'
import type { Restart } from './restart.js'

// What each signal does.

/** What {@link SignalActions} needs from the process. */
export interface SignalActionsHost {
  readonly isShuttingDown: boolean
  /** The latest restart, under way or ended. */
  readonly currentRestart: Restart | undefined
  /** Restarts the service. */
  restart(options?: RestartOptions): Promise<RestartReport>
  /** Restarts this process alone. */
  handOver(options?: RestartOptions): Promise<RestartReport>
  /** Whether this process serves on probation. */
  readonly isOnProbation: boolean
  /** Settles when it is not; rejects if this process is rolled back. */
  untilProven(): Promise<void>
  /** @param askedMs when the signal came: its hooks may have taken long */
  shutDown(
    occasion: Occasion,
    delayMs: number,
    signal: HookSignal,
    askedMs: number,
  ): Promise<unknown>
  hammer(): void
}

const ctrlCEchoMs = 500

/** Error codes of a restart that never began; one that began logs its own failure. */
const refusals: ReadonlySet<string> = new Set<EndlessErrorCode>([
  'ERR_ENDLESS_NOT_RUNNING',
  'ERR_ENDLESS_UNSUPPORTED',
  'ERR_ENDLESS_UNSUPPORTED_PLATFORM',
])

/** The hooks before a shutdown, while they run. */
interface Announcement {
  readonly ended: Promise<void>
  /** Lets the shutdown begin without waiting for the rest of them. */
  readonly cut: () => void
  /** Whether the hammer has fallen meanwhile. */
  isCut: boolean
}

/** Runs the action of each signal, between its `before` and its `after` hooks. */
export class SignalActions {
  readonly #host: SignalActionsHost
  readonly #parts: Parts
  #interruptedMs = -Infinity
  #isHangingUp = false
  #hangUpAgain = false
  #announcement: Announcement | undefined

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
        this.#hammer()
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
   * Restarts this process as SIGHUP does, with its hooks; first waits for a restart that is under way.
   *
   * @throws (rejects) as `generation.restart()`
   */
  async restart(options: RestartOptions): Promise<RestartReport> {
    const host = this.#host
    await host.currentRestart?.settled
    await this.#untilProven()
    // If this process has handed over meanwhile, it refuses, and no hook runs for a refusal.
    return host.isShuttingDown ? host.handOver() : this.#handOver(options)
  }

  /** Shuts this process down as SIGTERM does, while other workers go on and get its connections. */
  leave(): void {
    const { supervisor } = this.#parts.ancestry
    const migration = supervisor?.peers.migration
    void this.#shutDown({ reason: 'handoff', isInteractive: false, migration }, 0, 'SIGTERM')
  }

  async #hangUp(): Promise<void> {
    const host = this.#host
    const { ancestry, settings } = this.#parts
    if (host.isShuttingDown) {
      // A signal to the old pid is meant for the service, which is the successor now.
      this.#passHangUpOn()
      return
    }
    if (ancestry.terminal === 'gone') {
      settings.logger.info('the terminal was closed')
      await this.#shutDown({ reason: 'shutdown', isInteractive: true }, 0, 'SIGHUP')
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
    const { ancestry } = this.#parts
    // All signals that arrive while a successor boots cause one more restart.
    while (this.#takeHangUp()) {
      await host.currentRestart?.settled
      try {
        await this.#untilProven()
      } catch (error) {
        this.#parts.settings.logger.warn(messageOf(error))
      }
      if (host.isShuttingDown) {
        this.#passHangUpOn()
        break
      }
      // A restart that began has logged its failure itself.
      // With several workers, the supervisor asks each of them, which then runs its hooks.
      const restart = ancestry.supervisor?.rolls ? host.restart() : this.#handOver()
      await restart.catch((error: unknown) => {
        const { logger } = this.#parts.settings
        if (refusals.has((error as EndlessError).code)) logger.warn(messageOf(error))
      })
    }
  }

  /** Signals the service in place of this process: its successor, or the predecessor that serves again. */
  #passHangUpOn(): void {
    const { ancestry } = this.#parts
    this.#host.currentRestart?.successor?.signal('SIGHUP')
    if (ancestry.predecessor?.probation.rolledBack) ancestry.signalParent('SIGHUP')
  }

  async #untilProven(): Promise<void> {
    const host = this.#host
    if (!host.isOnProbation) return
    const name = generationName(ownName(this.#parts))
    this.#parts.settings.logger.info(
      `${name} is on probation: the restart waits until it is proven`,
    )
    await host.untilProven()
  }

  async #handOver(options?: RestartOptions): Promise<RestartReport> {
    const { servers } = this.#parts
    await servers.runHooks('before', 'SIGHUP')
    try {
      return await this.#host.handOver(options)
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
    const { ancestry, settings, system } = this.#parts
    if (signal === 'SIGINT') {
      const sinceMs = system.now() - this.#interruptedMs
      // npm and shells forward Ctrl-C to a process that already got it from the terminal.
      if (sinceMs < ctrlCEchoMs) return
      this.#interruptedMs = system.now()
      if ((host.isShuttingDown || this.#announcement) && sinceMs < Infinity) {
        this.#hammer()
        return
      }
    }
    const isInteractive = signal === 'SIGINT' && ancestry.terminal === 'present'
    const delayMs = signal === 'SIGTERM' ? settings.current.shutdownDelayMs : 0
    await this.#shutDown({ reason: 'shutdown', isInteractive }, delayMs, signal)
  }

  /** Runs the hooks before a shutdown, once however many signals ask for it, and begins it. */
  async #shutDown(occasion: Occasion, delayMs: number, signal: HookSignal): Promise<void> {
    const host = this.#host
    const askedMs = this.#parts.system.now()
    // A predecessor that drains has run these hooks; the signal only stops it from serving again.
    if (!host.isShuttingDown) {
      this.#announcement ??= this.#announce(signal)
      await this.#announcement.ended
    }
    const isHammerDue = this.#announcement?.isCut
    this.#announcement = undefined
    const ended = host.shutDown(occasion, delayMs, signal, askedMs)
    if (isHammerDue) host.hammer()
    await ended
  }

  #announce(signal: HookSignal): Announcement {
    const cut = deferred()
    const ended = this.#parts.servers.runHooks('before', signal, cut.promise)
    return { ended, cut: cut.resolve, isCut: false }
  }

  #hammer(): void {
    if (this.#announcement) {
      this.#announcement.isCut = true
      this.#announcement.cut()
    }
    this.#host.hammer()
  }
}
