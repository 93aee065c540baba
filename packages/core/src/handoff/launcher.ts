import type { SuccessorOptions } from '../options.js'
import type { System } from '../system.js'
import { startChild, type Child } from './child.js'
import { Environment } from './environment.js'
import { createLaunch, currentDirectory, findOrigin, type Origin } from './launch.js'
import { spawnFailed } from './predecessor.js'
import { preloadUrl } from './preload-url.js'
import type { SpawnRequest, Welcome } from './protocol.js'
import type { Supervisor } from './supervisor.js'

/** A successor that has been started, and what it has to know of that. */
export interface Launched {
  child: Child
  facts: Pick<Welcome, 'directory' | 'addedExecArgv'>
}

/** Starts successors: as children of this process, or of its supervisor. */
export class Launcher {
  readonly #system: System
  readonly #origin: Origin
  readonly #environment: Environment
  readonly #supervisor: Supervisor | undefined

  /** @param directory the working directory as the predecessor knows it; '' if there is none */
  constructor(system: System, directory: string, supervisor: Supervisor | undefined) {
    this.#system = system
    this.#origin = findOrigin(system, directory)
    this.#environment = new Environment(system)
    this.#supervisor = supervisor
  }

  /** What relative paths of the application mean now, by the name that the user knows. */
  get directory(): string {
    return currentDirectory(this.#system, this.#origin)
  }

  /** Call when the program has booted: what it has put into its environment is not passed on. */
  bootEnded(): void {
    this.#environment.bootEnded()
  }

  /** @throws `ERR_ENDLESS_SPAWN_FAILED` for some reasons; for others the `exit` of the child rejects */
  start(override: SuccessorOptions | undefined): Launched {
    const system = this.#system
    const supervisor = this.#supervisor?.isGone ? undefined : this.#supervisor
    const launch = createLaunch(
      system,
      this.#origin,
      preloadUrl(supervisor ? system.ppid : system.pid),
      this.#environment.forSuccessor(),
      override,
    )
    return {
      child: supervisor ? supervisor.start(launch) : this.#startChild(launch),
      facts: { directory: this.#origin.logical, addedExecArgv: launch.addedExecArgv },
    }
  }

  #startChild(launch: SpawnRequest): Child {
    try {
      return startChild(this.#system, launch)
    } catch (error) {
      throw spawnFailed(error)
    }
  }
}
