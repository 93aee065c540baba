import { oneLine, type RestartReport } from '@endless/core/for-cli'
import type { Client } from '../control/client.js'
import { Failure } from '../control/failure.js'
import { Check } from './check.js'

/** The signals that end a command: a restart that is broken off leaves no version behind that nobody checks. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A reason is a part of a request. */
const longestReason = 500

/**
 * Checks the new version while it is on probation, and has it rolled back if the check fails, or if the command is
 * broken off. See docs/decisions.md, "The command runs the check"
 */
export class Guard {
  readonly #client: Client
  readonly #command: string
  readonly #check: Check
  #hasBegun = false
  /** Why the version is rolled back. */
  #reason: string | undefined

  constructor(client: Client, command: string) {
    this.#client = client
    this.#command = command
    this.#check = new Check(command)
  }

  /**
   * Makes sure that the check can be run at all.
   *
   * @throws (rejects) {Failure} if there is no such command
   */
  async tryOut(): Promise<void> {
    const outcome = await this.#check.run()
    if (typeof outcome === 'string' || outcome.how !== 'missing') return
    throw new Failure('misused', `Not restarted: the check ${outcome.reason}`)
  }

  /**
   * Settles as the restart does, after which nothing is checked any more. Meanwhile a signal breaks the command off; a
   * second one ends it.
   *
   * @throws (rejects) {Failure} if the new version is proven, and should not be
   */
  async over(restart: Promise<RestartReport>): Promise<RestartReport> {
    for (const signal of signals) process.once(signal, this.#interrupted)
    try {
      const report = await restart
      // Nothing served before: there was no probation, and there is nothing to go back to.
      if (report.probationMs === undefined) await this.#mustPass()
      else this.#mustBeGood()
      return report
    } finally {
      for (const signal of signals) process.off(signal, this.#interrupted)
      this.#check.end()
    }
  }

  /** Begins to check: the new version serves. */
  begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    if (this.#reason !== undefined) void this.#rollBack(this.#reason)
    else void this.#untilFailed()
  }

  async #mustPass(): Promise<void> {
    const outcome = await this.#check.run()
    if (outcome === 'passed') return
    const reason = typeof outcome === 'string' ? outcome : outcome.reason
    throw new Failure(
      'failed',
      `nothing served before, so the new version cannot be rolled back; the check '${this.#command}' ${reason}`,
    )
  }

  #mustBeGood(): void {
    if (this.#reason !== undefined) {
      throw new Failure('failed', `the new version is proven already, but ${this.#reason}`)
    }
    if (!this.#check.hasPassed) {
      throw new Failure(
        'failed',
        'the new version is proven, but no run of the check has passed: its probation was too short',
      )
    }
  }

  readonly #interrupted = (signal: NodeJS.Signals): void => {
    for (const each of signals) process.off(each, this.#interrupted)
    this.#reason ??= `the command that checks it was ended by ${signal}`
    if (this.#hasBegun) void this.#rollBack(this.#reason)
  }

  async #untilFailed(): Promise<void> {
    const failure = await this.#check.untilFailed()
    if (failure === undefined || this.#reason !== undefined) return
    this.#reason = oneLine(`the check '${this.#command}' ${failure}`).slice(0, longestReason)
    await this.#rollBack(this.#reason)
  }

  async #rollBack(reason: string): Promise<void> {
    this.#check.end()
    try {
      await this.#client.order(`/rollback?${String(new URLSearchParams({ reason }))}`)
    } catch {
      // It is proven, or gone: the request that waits for that hears of it.
    }
  }
}
