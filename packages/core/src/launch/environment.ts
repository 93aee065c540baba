import type { System } from '../node/system.js'
import { hideServiceVariables } from '../service-manager/variables.js'
import { hidePreload } from './node-options.js'

/**
 * The environment for a successor: that of this process, but without what the program put there
 * itself while it booted. The successor boots too, and reads `--env-file` and dotenv anew: neither
 * overrides a variable that is set, so passing ours on would bring the old configuration back.
 */
export class Environment {
  readonly #system: System
  #atBoot = new Map<string, string | undefined>()

  constructor(system: System) {
    this.#system = system
  }

  /** Call when the program has booted: what differs from the start until now is its own doing. */
  bootEnded(): void {
    const { env } = this.#system
    const start = this.#start
    if (!start) return // the platform does not tell: everything is passed on
    for (const name of new Set([...Object.keys(start), ...Object.keys(env)])) {
      if (env[name] !== start[name]) this.#atBoot.set(name, env[name])
    }
  }

  forSuccessor(): NodeJS.ProcessEnv {
    const { env } = this.#system
    const start = this.#start
    const environment = { ...env }
    for (const [name, value] of this.#atBoot) {
      if (env[name] !== value) continue // changed since: that was meant for later generations
      if (start?.[name] === undefined) Reflect.deleteProperty(environment, name)
      else environment[name] = start[name]
    }
    return environment
  }

  /**
   * The environment of the start, without what was for this process alone. `process.env` has lost the
   * preload as well, and the variables of a service manager when something listens.
   */
  get #start(): NodeJS.ProcessEnv | undefined {
    const { startEnvironment } = this.#system
    if (!startEnvironment) return undefined
    const start = { ...startEnvironment }
    hidePreload(start)
    hideServiceVariables(start)
    return start
  }
}
