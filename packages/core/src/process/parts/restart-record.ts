import type { EndlessError } from '../../api/endless-error.js'
import type { LastRestart, RestartReport } from '../../api/reports.js'
import type { Tally } from '../../control/tally.js'
import { longestReport } from '../../handoff/error-report.js'
import type { System } from '../../node/system.js'

/** Records the outcome of the last restart, one by this process or the one that started it, and counts them. */
export class RestartRecord {
  readonly #system: Pick<System, 'now'>
  readonly #tally: Pick<Tally, 'restarted'>
  #last: Omit<LastRestart, 'agoMs'> | undefined
  #endedMs = 0

  constructor(system: Pick<System, 'now'>, tally: Pick<Tally, 'restarted'>) {
    this.#system = system
    this.#tally = tally
  }

  /**
   * Records a success; `durationMs` is `undefined` if the predecessor did not report it: it has died, and nobody had
   * asked for a restart.
   */
  takenOver({
    number,
    pid,
    durationMs,
    dropped = [],
  }: Pick<RestartReport, 'number' | 'pid'> & {
    durationMs: number | undefined
    dropped: string[] | undefined
  }): void {
    if (durationMs !== undefined) this.#tally.restarted('taken-over', durationMs)
    this.#note({
      outcome: 'taken-over',
      number,
      pid,
      durationMs: rounded(durationMs),
      dropped,
      error: null,
    })
  }

  failed(number: number, error: EndlessError, durationMs: number): void {
    const hasTakenOver = this.#last?.outcome === 'taken-over' && this.#last.number === number
    if (error.code === 'ERR_ENDLESS_ROLLED_BACK') this.#tally.restarted('rolled-back')
    // One that died later has been counted.
    else if (!hasTakenOver) this.#tally.restarted('failed')
    const { code, message, exitCode = null, signal = null, stderr = [] } = error
    this.#note({
      outcome: 'failed',
      number,
      pid: error.pid ?? null,
      durationMs: rounded(durationMs),
      dropped: [],
      error: { code, message: message.slice(0, longestReport), exitCode, signal, stderr },
    })
  }

  /** The last restart, with its age as of now; `null` if there was none. */
  get last(): LastRestart | null {
    if (!this.#last) return null
    return { ...this.#last, agoMs: Math.round(this.#system.now() - this.#endedMs) }
  }

  #note(last: Omit<LastRestart, 'agoMs'>): void {
    this.#last = last
    this.#endedMs = this.#system.now()
  }
}

function rounded(durationMs: number | undefined): number | null {
  return durationMs === undefined ? null : Math.round(durationMs)
}
