import { EndlessError } from '../api/endless-error.js'
import { generationName } from '../api/generation-name.js'
import type { RestartOptions, RestartReport } from '../api/reports.js'
import type { GenerationStatus } from '../api/status.js'
import type { ListedGeneration, Service, ServiceStatus } from '../control/service.js'
import { serviceMetrics } from '../control/service-metrics.js'
import type { Counts } from '../control/tally.js'
import type { OwnProbation } from '../handoff/own-probation.js'
import type { ProcessSettings } from './parts/process-settings.js'
import type { Restart } from './restart.js'
import type { Shutdown } from './shutdown.js'
import type { SignalActions } from './signal-actions.js'

// What a control socket can ask of a generation without a supervisor.

/** What {@link OwnService} needs from the process. */
export interface OwnServiceHost {
  readonly number: number
  readonly actions: SignalActions
  /** The latest restart, under way or ended. */
  readonly currentRestart: Restart | undefined
  readonly currentShutdown: Shutdown | undefined
  /** Settles when this process is not on probation; rejects if it is rolled back. */
  untilProven(): Promise<void>
  /** Ends the probation of this process, or of its successor: that is proven. */
  prove(): Promise<void>
  rollback(reason: string): Promise<void>
  /** What the predecessor knows of a probation of this process; `undefined` without a predecessor. */
  readonly ownProbation: OwnProbation | undefined
  status(): GenerationStatus
  /** What the service has counted, as far as this process knows. */
  readonly counts: Counts
  /** Resolves with the metrics of the service, of which another process may know more. */
  metrics(): Promise<string>
  /** Returns the status of this generation and of all older ones, hammered first if `isHammered`. */
  generations(isHammered: boolean): Promise<GenerationStatus[]>
  /** The predecessor, if it did not answer when it was last asked for that. */
  readonly unresponsive: ListedGeneration | undefined
}

/** The {@link Service} of a generation that has no supervisor. */
export class OwnService implements Service {
  readonly #host: OwnServiceHost
  readonly #settings: ProcessSettings

  constructor(host: OwnServiceHost, settings: ProcessSettings) {
    this.#host = host
    this.#settings = settings
  }

  async hasMoved(): Promise<boolean> {
    const { currentRestart, number, ownProbation } = this.#host
    if (ownProbation?.rolledBack) {
      await ownProbation.untilServedAgain()
      return true
    }
    const { lastRestart } = this.#host.status()
    if (lastRestart?.outcome !== 'taken-over' || lastRestart.number <= number) return false
    await currentRestart?.untilServing()
    return true
  }

  async status(): Promise<ServiceStatus> {
    const generations = await this.#host.generations(false)
    const { unresponsive, currentRestart } = this.#host
    const booting = currentRestart?.booting
    const { pid, lastRestart } = this.#host.status()
    return {
      pid,
      supervisor: null,
      generations: [
        ...(unresponsive ? [unresponsive] : []),
        ...generations,
        ...(booting ? [booting] : []),
      ],
      startingInMs: null,
      lastRestart,
      lastDeath: null,
    }
  }

  async metrics(): Promise<string> {
    return serviceMetrics(await this.status(), this.#host.counts)
  }

  async restart(hasWaited: boolean, options: RestartOptions): Promise<RestartReport> {
    const { actions, currentRestart } = this.#host
    const isJoined = hasWaited && currentRestart?.isUnderWay && currentRestart.covers(options)
    const report = await (isJoined ? currentRestart.report : actions.restart(options))
    const restart = this.#host.currentRestart
    await restart?.untilServing()
    // It was told to take over, and could not.
    const loss = restart?.loss
    if (loss?.pid === report.pid) throw loss
    return report
  }

  async proven(): Promise<void> {
    await this.#host.currentRestart?.probation?.proven
  }

  prove(): Promise<void> {
    return this.#host.prove()
  }

  rollback(reason: string): Promise<void> {
    return this.#host.rollback(reason)
  }

  async drained(): Promise<boolean> {
    const { exit } = this.#settings.current
    await this.#host.currentShutdown?.report
    return exit
  }

  async stop(): Promise<boolean> {
    const { exit } = this.#settings.current
    await this.#host.actions.on('SIGTERM')
    if (!(await this.hasMoved())) return exit
    // The request came too late to stop the successor, which is the service now.
    throw new EndlessError(
      'ERR_ENDLESS_SHUTTING_DOWN',
      `Cannot stop: ${generationName(this.#host.status())} has handed over to its successor.`,
    )
  }

  scale(): Promise<void> {
    return Promise.reject(
      new EndlessError(
        'ERR_ENDLESS_UNSUPPORTED',
        'Cannot change the number of workers: this service runs without a supervisor. Start it with endless run.',
      ),
    )
  }

  async hammer(): Promise<number[]> {
    const generations = await this.#host.generations(true)
    return generations.filter(({ state }) => state === 'shutting-down').map(({ number }) => number)
  }
}
