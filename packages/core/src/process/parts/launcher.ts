import { messageOf } from '../../api/endless-error.js'
import type { GenerationStatus } from '../../api/generation.js'
import { formatAddress } from '../../listeners/address.js'
import type { Parts } from './parts.js'
import { startChild, type Child } from '../../handoff/child.js'
import { Environment } from '../../launch/environment.js'
import {
  createLaunch,
  currentDirectory,
  findOrigin,
  type Launch,
  type Origin,
} from '../../launch/launch.js'
import { spawnFailed, Successor } from '../../handoff/successor.js'
import { preloadUrl } from '../../launch/preload-url.js'

/** What this process passes on, and whose child a successor is. */
type Means = Pick<Parts, 'system' | 'settings' | 'servers' | 'ancestry' | 'whereabouts'>

/** Starts successors: as children of this process, or of its supervisor. */
export class Launcher {
  readonly #means: Means
  readonly #origin: Origin
  readonly #environment: Environment

  constructor(means: Means) {
    const { system, ancestry } = means
    this.#means = means
    this.#origin = findOrigin(system, ancestry.predecessor?.directory ?? '')
    this.#environment = new Environment(system)
  }

  /** What relative paths of the application mean now, by the name that the user knows. */
  get directory(): string {
    return currentDirectory(this.#means.system, this.#origin)
  }

  /** Call when the program has booted: what it has put into its environment is not passed on. */
  bootEnded(): void {
    this.#environment.bootEnded()
  }

  /**
   * Starts a successor.
   *
   * @param answerOlder tells of this process and of all that are older, hammered first if told so
   * @throws `ERR_ENDLESS_SPAWN_FAILED`; for some failures the successor's `ready` rejects instead
   */
  start(
    generation: number,
    answerOlder: (isHammered: boolean) => Promise<GenerationStatus[]>,
  ): Successor {
    const { system, settings, servers, ancestry, whereabouts } = this.#means
    const passed = servers.passable
    const keys = passed.flatMap(({ bound, ticketKeys }) =>
      ticketKeys ? [[formatAddress(bound), ticketKeys] as const] : [],
    )
    const { child, addedExecArgv } = this.#startChild()
    return new Successor(
      system,
      child,
      passed,
      {
        generation,
        directory: this.#origin.logical,
        addedExecArgv,
        ticketKeys: Object.fromEntries(keys),
        serviceManager: ancestry.serviceManager?.address,
        control: whereabouts.bound,
      },
      settings.current.readyTimeoutMs,
      answerOlder,
    )
  }

  #startChild(): Pick<Launch, 'addedExecArgv'> & { child: Child } {
    const { system, settings, ancestry } = this.#means
    const supervisor = ancestry.supervisor?.isGone ? undefined : ancestry.supervisor
    const launch = createLaunch(
      system,
      this.#origin,
      preloadUrl(supervisor ? system.ppid : system.pid),
      this.#environment.forSuccessor(),
      settings.current.successor,
    )
    const { addedExecArgv } = launch
    if (supervisor) return { child: supervisor.start(launch), addedExecArgv }
    try {
      const child = startChild(system, launch, (reason) => {
        settings.logger.error(
          `Ignored what the successor wrote to its channel: ${messageOf(reason)}`,
        )
      })
      return { child, addedExecArgv }
    } catch (error) {
      throw spawnFailed(error)
    }
  }
}
