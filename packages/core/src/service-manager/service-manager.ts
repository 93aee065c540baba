import { generationName } from '../api/generation-name.js'
import type { Logger } from '../api/logger.js'
import type { System } from '../node/system.js'
import { Notifier } from './notifier.js'
import type { NotifyAddress } from './variables.js'

/**
 * Reports to the service manager (sd_notify(3)). Only one process does so at a time: the supervisor, or
 * without a supervisor the generation that serves.
 */
export class ServiceManager {
  /** Address for the process that reports next. */
  readonly address: NotifyAddress
  readonly #system: System
  readonly #notifier: Notifier
  readonly #isWell: () => Promise<unknown>
  #watchdog: NodeJS.Timeout | undefined

  /**
   * @param isWell called before each message to the watchdog; settles if the service is well, never
   * settles if it is not, and never rejects
   */
  constructor(
    system: System,
    address: NotifyAddress,
    logger: () => Logger,
    isWell: () => Promise<unknown> = () => Promise.resolve(),
  ) {
    this.address = address
    this.#system = system
    this.#notifier = new Notifier(system, address.socket, logger)
    this.#isWell = isWell
  }

  /** Reports that a generation serves, for the first time or in the place of another. */
  serving(number: number, pid: number): void {
    this.#ready(`${generationName({ number, pid })} serves`)
  }

  /** Reports a restart; settles once that is read. Only then may another process report that it serves. */
  restarting(): Promise<void> {
    const microseconds = String(this.#system.monotonicUs())
    return this.#notifier.send(
      'RELOADING=1',
      `MONOTONIC_USEC=${microseconds}`,
      'STATUS=restarting: the next generation boots',
    )
  }

  /** Reports that a restart is over and has changed nothing. */
  restartFailed(reason: string): void {
    this.#ready(`the last restart failed: ${reason}`)
  }

  /** Stops the watchdog: another process reports from now on. */
  succeeded(): void {
    clearTimeout(this.#watchdog)
    this.#watchdog = undefined
  }

  stopping(): void {
    void this.#notifier.send('STOPPING=1', 'STATUS=shutting down')
  }

  /**
   * Names the process whose end is the end of the service. Settles once that is read: until then, this
   * process is the main process and must not exit.
   * See docs/decisions.md, "The main process moves last"
   */
  moveMainTo(pid: number): Promise<void> {
    return this.#notifier.send(`MAINPID=${String(pid)}`)
  }

  #ready(status: string): void {
    void this.#notifier.send('READY=1', `STATUS=${status}`)
    if (this.#watchdog === undefined) void this.#watch()
  }

  async #watch(): Promise<void> {
    const { watchdogMs } = this.address
    if (watchdogMs === undefined) return
    // Unreferenced: the watchdog must not keep this process alive.
    const timer = this.#system.setTimeout(() => void this.#watch(), watchdogMs / 2).unref()
    this.#watchdog = timer
    await this.#isWell()
    if (this.#watchdog === timer) void this.#notifier.send('WATCHDOG=1')
  }
}
