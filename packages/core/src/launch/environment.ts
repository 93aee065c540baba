import type { System } from '../node/system.js'
import { hideServiceVariables } from '../service-manager/variables.js'
import { takeEntry } from './preload.js'

/**
 * Builds the environment of a successor: that of this process, without what the program set while it booted.
 * See docs/decisions.md, "What the program set while it booted is not passed on"
 * See docs/decisions.md, "V8's compile cache is left to the user"
 */
export class Environment {
  readonly #system: System
  #atBoot = new Map<string, string | undefined>()

  constructor(system: System) {
    this.#system = system
  }

  /** Notes what the program has changed since the start. Call when it has booted. */
  bootEnded(): void {
    const { env } = this.#system
    const start = this.#start
    if (!start) return // unknown on this platform: everything is passed on
    for (const name of new Set([...Object.keys(start), ...Object.keys(env)])) {
      if (env[name] !== start[name]) this.#atBoot.set(name, env[name])
    }
  }

  forSuccessor(): NodeJS.ProcessEnv {
    const { env } = this.#system
    const start = this.#start
    const environment = { ...env }
    for (const [name, value] of this.#atBoot) {
      if (env[name] !== value) continue // changed after the boot, so meant for later generations
      if (start?.[name] === undefined) Reflect.deleteProperty(environment, name)
      else environment[name] = start[name]
    }
    return environment
  }

  /**
   * The environment of the start, without what was meant for this process alone. `process.env` loses the
   * same: the preload at once, and the variables of a service manager at the first `listen`.
   */
  get #start(): NodeJS.ProcessEnv | undefined {
    const { startEnvironment } = this.#system
    if (!startEnvironment) return undefined
    const start = { ...startEnvironment }
    takeEntry(start)
    hideServiceVariables(start)
    return start
  }
}
