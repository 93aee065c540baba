import { EndlessError } from '../errors.js'
import type { GenerationStatus } from '../generation.js'
import type { RestartReport } from '../reports.js'
import type { ListedGeneration, Service } from './service.js'

/** A generation that has no supervisor, as far as it is controlled. */
export interface LoneGeneration {
  readonly number: number
  /** The successor that is being started. */
  readonly booting: ListedGeneration | undefined
  status(): GenerationStatus
  /** Tells of itself and all that are older and still there, hammered first if told so. */
  generations(isHammered: boolean): Promise<GenerationStatus[]>
  /** Restarts as SIGHUP does, after a restart that is under way, or `joins` that. */
  restartAsAsked(joins: boolean): Promise<RestartReport>
  /** Settles when everybody can see that the successor serves, by its pid file and its control socket. */
  untilSuccessorServes(): Promise<void>
  /** Settles when it has drained; with `true` if it exits next. */
  untilDrained(): Promise<boolean>
  /** Shuts down as SIGTERM does; settles at the end, with `true` if it exits next. */
  terminate(): Promise<boolean>
}

/** What a control socket asks of a generation that has no supervisor. */
export function createOwnService(generation: LoneGeneration): Service {
  const hasMoved = async (): Promise<boolean> => {
    const { lastRestart } = generation.status()
    if (lastRestart?.outcome !== 'taken-over' || lastRestart.number <= generation.number)
      return false
    await generation.untilSuccessorServes()
    return true
  }
  return {
    hasMoved,
    async status() {
      const generations = await generation.generations(false)
      const { booting } = generation
      const { pid, lastRestart } = generation.status()
      return {
        pid,
        supervisor: null,
        generations: [...generations, ...(booting ? [booting] : [])],
        lastRestart,
        lastDeath: null,
      }
    },
    async restart(hasWaited) {
      const report = await generation.restartAsAsked(hasWaited)
      await generation.untilSuccessorServes()
      return report
    },
    drained: () => generation.untilDrained(),
    async stop() {
      const exits = await generation.terminate()
      if (!(await hasMoved())) return exits
      // It came too late to stop the successor, which is the service now.
      throw new EndlessError('ERR_ENDLESS_SHUTTING_DOWN', 'This process has handed over.')
    },
    async hammer() {
      const generations = await generation.generations(true)
      return generations
        .filter(({ state }) => state === 'shutting-down')
        .map(({ number }) => number)
    },
  }
}
