import {
  durationOf,
  EndlessError,
  messageOf,
  type RestartOptions,
  type RestartReport,
} from '@endless/core/for-cli'
import type { Slot } from './slot.js'
import type { SlotHost } from './slot-host.js'

/** One restart of all slots: the first alone, since a bad version should fail there, then the others. */
export class Roll {
  readonly #host: Pick<SlotHost, 'logger' | 'now'>
  readonly #slots: readonly Slot[]
  readonly #options: RestartOptions
  /** Number that the new generation of the first slot gets. */
  readonly number: number

  constructor(
    host: Pick<SlotHost, 'logger' | 'now'>,
    slots: readonly Slot[],
    options: RestartOptions,
  ) {
    this.#host = host
    this.#slots = slots
    this.#options = options
    this.number = (slots[0]?.current?.number ?? -1) + 1
  }

  /**
   * Resolves with the report of the first slot, for the whole time and with all addresses that were dropped.
   *
   * @throws (rejects) with the reason of the first slot that failed
   */
  async run(): Promise<RestartReport> {
    const beganMs = this.#host.now()
    this.#host.logger.info(`restarting ${String(this.#slots.length)} workers, one after the other`)
    const reports: RestartReport[] = []
    for (const slot of this.#slots) reports.push(await this.#restart(slot))
    const [first] = reports
    if (!first) throw new Error('a service has a slot')
    const durationMs = Math.round(this.#host.now() - beganMs)
    const dropped = [...new Set(reports.flatMap((report) => report.dropped))]
    this.#host.logger.info(
      `restarted ${String(reports.length)} workers after ${durationOf(durationMs)}`,
    )
    return { ...first, durationMs, dropped }
  }

  async #restart(slot: Slot): Promise<RestartReport> {
    try {
      return await slot.restart(this.#options)
    } catch (error) {
      const { pid, exitCode, signal, stderr, ...rest } = error as Partial<EndlessError>
      throw new EndlessError(
        rest.code ?? 'ERR_ENDLESS_REQUEST_FAILED',
        `slot ${String(slot.index)}: ${messageOf(error)}`,
        { cause: error, pid, exitCode, signal, stderr },
      )
    }
  }
}
