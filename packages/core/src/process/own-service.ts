import { EndlessError } from '../api/endless-error.js'
import type { GenerationStatus } from '../api/generation.js'
import type { ProcessSettings } from './parts/process-settings.js'
import type { RestartReport } from '../api/reports.js'
import type { Restart } from './restart.js'
import type { Shutdown } from './shutdown.js'
import type { SignalActions } from './signal-actions.js'
import type { Service, ServiceStatus } from '../control/service.js'

/** A generation that has no supervisor, as far as it is controlled. */
export interface LoneGeneration {
  readonly number: number
  readonly actions: SignalActions
  /** The last restart, or the one under way. */
  readonly currentRestart: Restart | undefined
  readonly currentShutdown: Shutdown | undefined
  status(): GenerationStatus
  /** Tells of itself and all that are older and still there, hammered first if told so. */
  generations(isHammered: boolean): Promise<GenerationStatus[]>
}

/** What a control socket asks of a generation that has no supervisor. */
export class OwnService implements Service {
  readonly #generation: LoneGeneration
  readonly #settings: ProcessSettings

  constructor(generation: LoneGeneration, settings: ProcessSettings) {
    this.#generation = generation
    this.#settings = settings
  }

  async hasMoved(): Promise<boolean> {
    const { currentRestart, number } = this.#generation
    const { lastRestart } = this.#generation.status()
    if (lastRestart?.outcome !== 'taken-over' || lastRestart.number <= number) return false
    await currentRestart?.untilServing()
    return true
  }

  async status(): Promise<ServiceStatus> {
    const generations = await this.#generation.generations(false)
    const booting = this.#generation.currentRestart?.booting
    const { pid, lastRestart } = this.#generation.status()
    return {
      pid,
      supervisor: null,
      generations: [...generations, ...(booting ? [booting] : [])],
      startingInMs: null,
      lastRestart,
      lastDeath: null,
    }
  }

  async restart(hasWaited: boolean): Promise<RestartReport> {
    const { actions, currentRestart } = this.#generation
    const isJoined = hasWaited && currentRestart?.isUnderWay
    const report = await (isJoined ? currentRestart.report : actions.restart())
    await this.#generation.currentRestart?.untilServing()
    return report
  }

  async drained(): Promise<boolean> {
    const { exit } = this.#settings.current
    await this.#generation.currentShutdown?.report
    return exit
  }

  async stop(): Promise<boolean> {
    const { exit } = this.#settings.current
    await this.#generation.actions.on('SIGTERM')
    if (!(await this.hasMoved())) return exit
    // It came too late to stop the successor, which is the service now.
    throw new EndlessError('ERR_ENDLESS_SHUTTING_DOWN', 'This process has handed over.')
  }

  async hammer(): Promise<number[]> {
    const generations = await this.#generation.generations(true)
    return generations.filter(({ state }) => state === 'shutting-down').map(({ number }) => number)
  }
}
