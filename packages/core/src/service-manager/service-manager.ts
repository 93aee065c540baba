import { generationName } from '../api/generation-name.js'
import type { Logger } from '../api/logger.js'
import type { System } from '../node/system.js'
import { Notifier } from './notifier.js'
import type { NotifyAddress } from './variables.js'

const longestStatus = 200

/**
 * The service manager, as the one process has it that answers to it: the supervisor, or without one the
 * generation that serves. What it is told is in sd_notify(3).
 */
export class ServiceManager {
  /** For the process that answers to it next. */
  readonly address: NotifyAddress
  readonly #system: System
  readonly #notifier: Notifier
  readonly #isWell: () => Promise<unknown>
  #watchdog: NodeJS.Timeout | undefined

  /** @param isWell asked before the watchdog is told so; never rejects, and never settles if it is not */
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

  /** A generation serves: for the first time, or in the place of another. */
  serving(number: number, pid: number): void {
    this.#ready(`${generationName({ number, pid })} serves`)
  }

  /** Settles when it knows: only then may another process say that it serves. */
  restarting(): Promise<void> {
    const microseconds = String(this.#system.monotonicUs())
    return this.#notifier.send(
      'RELOADING=1',
      `MONOTONIC_USEC=${microseconds}`,
      'STATUS=restarting: the next generation boots',
    )
  }

  /** The restart is over, and nothing has changed. */
  restartFailed(reason: string): void {
    this.#ready(`the last restart failed: ${reason}`)
  }

  /** Another process answers to it from now on. */
  succeeded(): void {
    clearTimeout(this.#watchdog)
    this.#watchdog = undefined
  }

  stopping(): void {
    void this.#notifier.send('STOPPING=1', 'STATUS=shutting down')
  }

  /**
   * Names the process whose end is the end of the service; settles when it knows. Until then that is this
   * one, which must not end before. It is said as late as that: should the successor die meanwhile, this
   * process serves again, and would be ended with the service if it were not the main one.
   */
  moveMainTo(pid: number): Promise<void> {
    return this.#notifier.send(`MAINPID=${String(pid)}`)
  }

  #ready(status: string): void {
    void this.#notifier.send('READY=1', `STATUS=${status.slice(0, longestStatus)}`)
    if (this.#watchdog === undefined) void this.#watch()
  }

  async #watch(): Promise<void> {
    const { watchdogMs } = this.address
    if (watchdogMs === undefined) return
    // Unreferenced: nothing lives on only to say so.
    const timer = this.#system.setTimeout(() => void this.#watch(), watchdogMs / 2).unref()
    this.#watchdog = timer
    await this.#isWell()
    if (this.#watchdog === timer) void this.#notifier.send('WATCHDOG=1')
  }
}
