import {
  durationOf,
  EndlessError,
  messageOf,
  type RestartOptions,
  type RestartReport,
  type RollProgress,
} from '@endless/core/for-cli'
import type { Slot } from './slot.js'
import type { SlotHost } from './slot-host.js'

/** What a {@link Roll} needs from the supervisor. */
interface RollHost extends Pick<SlotHost, 'logger' | 'now'> {
  /** Called when one more slot has the new version. */
  progressed(): void
}

/** A slot that has the new version, and what its restart reported. */
interface Rolled {
  slot: Slot
  report: RestartReport
}

/**
 * One restart of all slots: the first alone, since a bad version should fail there, then the others. Each new
 * generation is on probation until all slots have one: if one fails, those before it go back to the old version.
 * See docs/decisions.md, "A roll ends with one version"
 */
export class Roll {
  /** Number that the new generation of the first slot gets. */
  readonly number: number
  readonly #host: RollHost
  readonly #slots: readonly Slot[]
  readonly #options: RestartOptions
  readonly #rolled: Rolled[] = []

  constructor(host: RollHost, slots: readonly Slot[], options: RestartOptions) {
    this.#host = host
    this.#slots = slots
    this.#options = options
    this.number = (slots[0]?.current?.number ?? -1) + 1
  }

  /** Which slots have the new version, the last one at the end, and how many there are. */
  get progress(): RollProgress {
    return { done: this.#rolled.map(({ slot }) => slot.index), of: this.#slots.length }
  }

  /**
   * Resolves with the report of the first slot, for the whole time and with all addresses that were dropped.
   *
   * @throws (rejects) with the reason of the first slot that failed, once all have the old version again
   */
  async run(): Promise<RestartReport> {
    const beganMs = this.#host.now()
    this.#host.logger.info(`restarting ${String(this.#slots.length)} workers, one after the other`)
    try {
      for (const slot of this.#slots) {
        this.#rolled.push({ slot, report: await this.#restart(slot) })
        this.#host.progressed()
        this.#mustHold()
      }
    } catch (error) {
      await this.#goBack()
      throw error
    }
    // A generation that has died since has been replaced by the new version, or by its predecessor, as ever.
    await Promise.allSettled(this.#rolled.map(({ slot }) => slot.rollbacks.prove()))
    const reports = this.#rolled.map(({ report }) => report)
    const [first] = reports
    if (!first) throw new Error('a service has a slot')
    const durationMs = Math.round(this.#host.now() - beganMs)
    const dropped = [...new Set(reports.flatMap((report) => report.dropped))]
    this.#host.logger.info(
      `restarted ${String(reports.length)} workers after ${durationOf(durationMs)}`,
    )
    return { number: first.number, pid: first.pid, durationMs, dropped }
  }

  async #restart(slot: Slot): Promise<RestartReport> {
    try {
      return await slot.restart({ ...this.#options, probationMs: untilToldMs })
    } catch (error) {
      const { pid, exitCode, signal, stderr, ...rest } = error as Partial<EndlessError>
      throw new EndlessError(
        rest.code ?? 'ERR_ENDLESS_REQUEST_FAILED',
        `slot ${String(slot.index)}: ${messageOf(error)}`,
        { cause: error, pid, exitCode, signal, stderr },
      )
    }
  }

  /** @throws if a slot has lost its new version since, by its death or because somebody has rolled it back */
  #mustHold(): void {
    const lost = this.#rolled.find(({ slot, report }) => slot.current?.pid !== report.pid)
    if (!lost) return
    const { slot, report } = lost
    throw new EndlessError(
      'ERR_ENDLESS_ROLLED_BACK',
      `slot ${String(slot.index)}: the new version (pid ${String(report.pid)}) does not serve any more.`,
      { pid: report.pid },
    )
  }

  /** Makes the old version serve again in each slot that has the new one. */
  async #goBack(): Promise<void> {
    const reason = 'the restart of another worker failed'
    await Promise.all(
      this.#rolled.map(async ({ slot, report }) => {
        if (slot.current?.pid !== report.pid) return
        try {
          await slot.rollbacks.rollBack(reason)
        } catch (error) {
          this.#host.logger.error(
            `slot ${String(slot.index)} keeps the new version: ${messageOf(error)}`,
          )
        }
      }),
    )
  }
}

/** The probation of a generation in a roll: until it is told that it has ended. */
const untilToldMs = -1
