import {
  deferred,
  type EndlessError,
  type LastRestart,
  messageOf,
  RestartRecord,
  type RestartOptions,
  type RestartReport,
  type RollProgress,
} from '@endless/core/for-cli'
import type { Roll } from './roll.js'
import { notOnProbation } from './rollbacks.js'
import type { SlotHost } from './slot-host.js'
import type { Turns } from './turns.js'

/** A roll that begins when the one under way has ended. */
interface Due {
  options: RestartOptions
  /** Called when one more slot has the new version. */
  watchers: (() => void)[]
  report: Promise<RestartReport>
}

type RollsHost = Pick<SlotHost, 'logger' | 'now' | 'restarting' | 'restartFailed' | 'restarted'>

/** The rolls of a service, one at a time, and how the last one ended. */
export class Rolls {
  readonly #host: RollsHost
  readonly #turns: Turns
  readonly #create: (options: RestartOptions, progressed: () => void) => Roll
  readonly #record: RestartRecord
  /** The ends of rolls that have reported, by their reports. */
  readonly #ends = new WeakMap<RestartReport, Promise<void>>()
  #underWay: Roll | undefined
  #due: Due | undefined

  constructor(
    host: RollsHost,
    turns: Turns,
    create: (options: RestartOptions, progressed: () => void) => Roll,
  ) {
    this.#host = host
    this.#turns = turns
    this.#create = create
    this.#record = new RestartRecord(host, host)
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined
  }

  /** How far the roll under way has come; `null` without one. */
  get progress(): RollProgress | null {
    return this.#underWay?.progress ?? null
  }

  get last(): LastRestart | null {
    return this.#record.last
  }

  /**
   * Restarts all slots; settles as {@link Roll.report}. While a roll is under way, all that are asked for with the
   * same options are together answered by one more.
   *
   * @param progressed called when one more slot has the new version
   * @throws (rejects) with the reason if one of them failed
   */
  restart(
    options: RestartOptions,
    progressed: () => void = () => undefined,
  ): Promise<RestartReport> {
    if (this.#due && isSame(this.#due.options, options)) {
      this.#due.watchers.push(progressed)
      return this.#due.report
    }
    const report = deferred<RestartReport>()
    const watchers = [progressed]
    const due: Due = { options, watchers, report: report.promise }
    // The turn is over at the end of the roll; its report may come before.
    const ended = this.#turns.take(async () => {
      if (this.#due === due) this.#due = undefined
      const roll = this.#create(options, () => {
        for (const watcher of watchers) watcher()
      })
      this.#underWay = roll
      report.resolve(roll.report)
      await this.#run(roll)
    })
    ended.catch(report.reject)
    this.#due = due
    return due.report
  }

  /** Returns {@link Roll.ended} of the roll that has reported this; `undefined` if no roll has. */
  endOf(report: RestartReport): Promise<void> | undefined {
    return this.#ends.get(report)
  }

  /** Ends the probation in the roll under way, if there is one. */
  prove(): void {
    this.#underWay?.prove()
  }

  /**
   * Brings all slots back to the old version; settles when they have it.
   *
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION` if no roll is under way, or none has the new one
   */
  async rollBack(reason: string): Promise<void> {
    if (!this.#underWay) throw notOnProbation()
    await this.#underWay.rollBack(reason)
  }

  async #run(roll: Roll): Promise<void> {
    const { logger, restarting, restartFailed } = this.#host
    const beganMs = this.#host.now()
    restarting()
    void roll.report.then(
      (report) => {
        this.#ends.set(report, roll.ended)
        this.#record.takenOver(report)
      },
      () => undefined,
    )
    await roll.begin()
    try {
      await roll.ended
    } catch (error) {
      this.#record.failed(roll.number, error as EndlessError, this.#host.now() - beganMs)
      const isStopped = (error as EndlessError).code === 'ERR_ENDLESS_SHUTTING_DOWN'
      if (isStopped) logger.info('restart stopped: the service shuts down')
      else logger.error(`Restart failed: ${messageOf(error)}`)
      restartFailed(messageOf(error))
    } finally {
      this.#underWay = undefined
    }
  }
}

function isSame(one: RestartOptions, other: RestartOptions): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
