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
  readonly #parallel: number
  readonly #options: RestartOptions
  readonly #rolled: Rolled[] = []
  /** What served in each slot when the roll began. */
  readonly #old: ReadonlyMap<Slot, number | undefined>

  constructor(
    host: RollHost,
    slots: readonly Slot[],
    { parallel = 1, ...options }: RestartOptions,
  ) {
    this.#host = host
    this.#slots = slots
    this.#parallel = parallel
    this.#options = options
    this.#old = new Map(slots.map((slot) => [slot, slot.current?.pid]))
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
    this.#host.logger.info(
      `restarting ${String(this.#slots.length)} workers, ` +
        (this.#parallel > 1
          ? `${String(this.#parallel)} at a time after the first`
          : 'one after the other'),
    )
    try {
      const [first, ...others] = this.#slots
      if (!first) throw new Error('a service has a slot')
      await this.#roll([first])
      await this.#inLanes(others)
    } catch (error) {
      await this.#goBack()
      throw error
    }
    // A generation that has died since has been replaced by the new version, or by its predecessor, as ever.
    await Promise.allSettled(this.#rolled.map(({ slot }) => slot.rollbacks.prove()))
    const reports = this.#rolled.map(({ report }) => report)
    const [first] = reports
    if (!first) throw new Error('a roll has restarted a slot')
    const durationMs = Math.round(this.#host.now() - beganMs)
    const dropped = [...new Set(reports.flatMap((report) => report.dropped))]
    this.#host.logger.info(
      `restarted ${String(reports.length)} workers after ${durationOf(durationMs)}`,
    )
    return { number: first.number, pid: first.pid, durationMs, dropped }
  }

  /** Restarts slots, as many at a time as was asked for. Settles when none is under way any more. */
  async #inLanes(slots: Slot[]): Promise<void> {
    const due = [...slots]
    const lanes = Array.from({ length: Math.min(this.#parallel, due.length) }, () =>
      this.#roll(due),
    )
    const ends = await Promise.allSettled(lanes)
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** Restarts one of these slots after the other, until none is left; a failure leaves none to the other lanes. */
  async #roll(due: Slot[]): Promise<void> {
    try {
      for (let slot = due.shift(); slot; slot = due.shift()) {
        this.#rolled.push({ slot, report: await this.#restart(slot) })
        this.#host.progressed()
        this.#mustHold()
      }
    } catch (error) {
      due.length = 0
      throw error
    }
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

  /**
   * Makes the old version serve again in each slot that has the new one. A worker whose old process has died meanwhile
   * has been replaced by what is on the disk, and cannot go back.
   * See docs/decisions.md, "A worker that dies in a roll is replaced at once"
   */
  async #goBack(): Promise<void> {
    const failures = new Map<Slot, string>()
    await Promise.all(
      this.#rolled.map(async ({ slot, report }) => {
        if (slot.current?.pid !== report.pid) return
        try {
          await slot.rollbacks.rollBack('the restart of another worker failed')
        } catch (error) {
          failures.set(slot, messageOf(error))
        }
      }),
    )
    for (const [slot, pid] of this.#old) {
      if (slot.current?.pid === pid) continue
      const why = failures.get(slot) ?? 'its old process has died meanwhile'
      this.#host.logger.error(`slot ${String(slot.index)} keeps the new version: ${why}`)
    }
  }
}

/** The probation of a generation in a roll: until it is told that it has ended. */
const untilToldMs = -1
