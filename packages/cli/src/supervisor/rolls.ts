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
import type { Turns } from './turns.js'

/** A roll that begins when its turn comes. */
interface Due {
  options: RestartOptions
  report: Promise<RestartReport>
}

type RollsHost = Pick<SlotHost, 'logger' | 'now' | 'restarting' | 'restartFailed' | 'restarted'>

/** The rolls of a service, one at a time, and how the last one ended. */
export class Rolls {
  readonly #host: RollsHost
  readonly #turns: Turns
  readonly #create: (options: RestartOptions) => Roll
  readonly #record: RestartRecord
  #isUnderWay = false
  #due: Due | undefined
  #roll: Roll | undefined

  constructor(host: RollsHost, turns: Turns, create: (options: RestartOptions) => Roll) {
    this.#host = host
    this.#turns = turns
    this.#create = create
    this.#record = new RestartRecord(host, host)
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** How far the roll under way has come; `null` without one. */
  get progress(): RollProgress | null {
    return this.#roll?.progress ?? null
  }

  get last(): LastRestart | null {
    return this.#record.last
  }

  /**
   * Restarts all slots. All that are asked for with the same options before it begins are together answered by one
   * roll.
   *
   * @throws (rejects) with the reason if one of them failed
   */
  restart(options: RestartOptions): Promise<RestartReport> {
    if (this.#due && isSame(this.#due.options, options)) return this.#due.report
    const due: Due = {
      options,
      report: this.#turns.take(() => {
        if (this.#due === due) this.#due = undefined
        return this.#run(this.#create(options))
      }),
    }
    this.#due = due
    return due.report
  }

  async #run(roll: Roll): Promise<RestartReport> {
    const { logger, restarting, restartFailed } = this.#host
    const beganMs = this.#host.now()
    this.#isUnderWay = true
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
      this.#isUnderWay = false
      this.#roll = undefined
    }
  }
}

function isSame(one: RestartOptions, other: RestartOptions): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
