import path from 'node:path'
import { controlBeside, type Logger, type Service, type System } from '@endless/core/for-cli'
import { ControlSocket, PidFile } from '@endless/core/for-cli-later'
import type { WantedPaths } from '../generation.js'
import { betterWays } from '../rights.js'

// Where a supervised service is found.

/** Paths of a service. */
export interface Paths {
  pidFile?: string | undefined
  control?: string | undefined
}

/** What {@link Whereabouts} needs from the supervisor. */
interface Facts {
  service: Service
  system: System
  logger: Logger
}

/**
 * Keeps the pid file and the control socket of a supervised service, at the paths of the command line or
 * else of the application.
 */
export class Whereabouts {
  readonly #given: Paths
  readonly #facts: Facts
  #pidFile: PidFile | undefined
  #control: ControlSocket | undefined
  /** What was refused last, which is logged once. */
  #lastRefused = ''

  constructor(given: Paths, facts: Facts) {
    const absolute = (given: string | undefined): string | undefined =>
      given === undefined ? undefined : path.resolve(given)
    this.#given = { pidFile: absolute(given.pidFile), control: absolute(given.control) }
    this.#facts = facts
  }

  /**
   * Takes the paths of the command line, before anything is started.
   *
   * @throws `ERR_ENDLESS_PID_FILE`, `ERR_ENDLESS_CONTROL`
   */
  async claim(): Promise<void> {
    const { pidFile, control } = this.#find({})
    if (pidFile !== undefined) {
      this.#pidFile = new PidFile(pidFile, this.#facts.system)
      this.#pidFile.check()
    }
    if (control !== undefined) await this.#open(control)
  }

  /** Follows the wishes of a generation that serves; logs those that cannot be fulfilled. */
  async serving(wanted: WantedPaths): Promise<void> {
    const { pidFile, control } = this.#find(this.#permitted(wanted))
    try {
      this.#name(pidFile)
      if (control !== this.#control?.path) {
        this.#control?.close()
        this.#control = undefined
        if (control !== undefined) await this.#open(control)
      }
    } catch (error) {
      this.#facts.logger.error(error instanceof Error ? error.message : String(error))
    }
  }

  /** Removes both; resolves when clients that wait for the end have been answered. */
  async close(): Promise<void> {
    this.#pidFile?.remove()
    this.#control?.close()
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Returns the paths that a generation has the right to ask for, and logs those that it is refused. */
  #permitted(wanted: WantedPaths): Paths {
    const { refusedTo } = wanted
    if (refusedTo === undefined) return wanted
    const { pidFile, control } = this.#given
    const refused = [
      ...(wanted.pidFile !== undefined && pidFile === undefined ? [wanted.pidFile] : []),
      ...(wanted.control !== undefined && pidFile === undefined && control === undefined
        ? [wanted.control]
        : []),
    ]
    const text = refused.join(' and ')
    if (text !== '' && text !== this.#lastRefused) {
      this.#facts.logger.warn(
        `Not keeping ${text}: the program asks for it, which runs as ${refusedTo}, and this process runs ` +
          `as another user. Give endless run the path, with --pid-file or --control, or ${betterWays}.`,
      )
    }
    this.#lastRefused = text
    return {}
  }

  #find(wanted: Paths): Paths {
    const { pidFile, control } = this.#given
    return {
      pidFile: pidFile ?? wanted.pidFile,
      control: control ?? (pidFile === undefined ? wanted.control : controlBeside(pidFile)),
    }
  }

  #name(file: string | undefined): void {
    if (file === this.#pidFile?.path) {
      this.#pidFile?.write()
      return
    }
    // Written first: if it is refused, the service is still found by the former one.
    const next = file === undefined ? undefined : new PidFile(file, this.#facts.system)
    next?.write()
    this.#pidFile?.remove()
    this.#pidFile = next
  }

  async #open(file: string): Promise<void> {
    const control = new ControlSocket(file, this.#facts.service)
    await control.open()
    this.#control = control
  }
}
