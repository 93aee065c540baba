import {
  type EndlessError,
  type LastRestart,
  messageOf,
  RestartRecord,
  type RestartOptions,
  type RestartReport,
  type RollProgress,
} from '@endless/core/for-cli'
import type { Roll } from './roll.js'
import type { SlotHost } from './slot-host.js'

/** A roll that begins when the one under way has ended. */
interface Due {
  options: RestartOptions
  report: Promise<RestartReport>
}

type RollsHost = Pick<SlotHost, 'logger' | 'now' | 'restarting' | 'restartFailed' | 'restarted'>

/** The rolls of a service, one at a time, and how the last one ended. */
export class Rolls {
  readonly #host: RollsHost
  readonly #create: (options: RestartOptions) => Roll
  readonly #record: RestartRecord
  /** Settles, and never rejects, when the roll under way has ended. */
  #underWay: Promise<unknown> | undefined
  #due: Due | undefined
  #roll: Roll | undefined

  constructor(host: RollsHost, create: (options: RestartOptions) => Roll) {
    this.#host = host
    this.#create = create
    this.#record = new RestartRecord(host, host)
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined
  }

  /** How far the roll under way has come; `null` without one. */
  get progress(): RollProgress | null {
    return this.#roll?.progress ?? null
  }

  get last(): LastRestart | null {
    return this.#record.last
  }

  /**
   * Restarts all slots. While a roll is under way, all that are asked for with the same options are together
   * answered by one more.
   *
   * @throws (rejects) with the reason if one of them failed
   */
  restart(options: RestartOptions): Promise<RestartReport> {
    if (!this.#underWay) return this.#begin(options)
    if (this.#due && isSame(this.#due.options, options)) return this.#due.report
    const before = this.#due?.report ?? this.#underWay
    const due: Due = {
      options,
      report: before
        .catch(() => undefined)
        .then(() => {
          if (this.#due === due) this.#due = undefined
          return this.#begin(options)
        }),
    }
    this.#due = due
    return due.report
  }

  /** Resolves when no roll is under way, and none is due. */
  async idle(): Promise<void> {
    while (this.#underWay) await this.#underWay
  }

  #begin(options: RestartOptions): Promise<RestartReport> {
    const report = this.#run(this.#create(options))
    const ended = report
      .catch(() => undefined)
      .finally(() => {
        if (this.#underWay === ended) this.#underWay = undefined
      })
    this.#underWay = ended
    return report
  }

  async #run(roll: Roll): Promise<RestartReport> {
    const { logger, restarting, restartFailed } = this.#host
    const beganMs = this.#host.now()
    restarting()
    this.#roll = roll
    try {
      const report = await roll.run()
      this.#record.takenOver(report)
      return report
    } catch (error) {
      this.#record.failed(roll.number, error as EndlessError, this.#host.now() - beganMs)
      logger.error(`Restart failed: ${messageOf(error)}`)
      restartFailed(messageOf(error))
      throw error
    } finally {
      this.#roll = undefined
    }
  }
}

function isSame(one: RestartOptions, other: RestartOptions): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
