import path from 'node:path'
import {
  controlBeside,
  type Logger,
  messageOf,
  type Service,
  type System,
} from '@endless/core/for-cli'
import { ControlSocket, PidFile } from '@endless/core/for-cli-later'
import { currentAsker } from '../../control/asker.js'
import { Failure } from '../../control/failure.js'
import type { ServicePaths } from '../../control/locate.js'
import type { WantedPaths } from '../generation.js'
import { betterWays } from '../rights.js'
import { claimName } from './claim-name.js'

// Where a supervised service is found.

/** By what a service is to be found, as the command line says. */
export interface Place extends ServicePaths {
  /** `undefined` if only paths were given. */
  name: string | undefined
  /** Whether somebody chose the name, and so relies on it. */
  isNameChosen: boolean
  /** Directory in which commands find the service without a name. */
  directory: string
}

/** What {@link Whereabouts} needs from the supervisor. */
interface Facts {
  service: Service
  system: System
  logger: Logger
}

/**
 * Keeps the pid file and the control socket of a supervised service, at the paths of the command line or
 * else of the application, and a control socket for its name.
 */
export class Whereabouts {
  readonly #given: Place
  readonly #facts: Facts
  #pidFile: PidFile | undefined
  #control: ControlSocket | undefined
  #named: ControlSocket | undefined
  /** What was refused last, which is logged once. */
  #lastRefused = ''

  constructor(given: Place, facts: Facts) {
    const absolute = (given: string | undefined): string | undefined =>
      given === undefined ? undefined : path.resolve(given)
    this.#given = {
      ...given,
      pidFile: absolute(given.pidFile),
      control: absolute(given.control),
    }
    this.#facts = facts
  }

  /** Name by which the service is found. */
  get name(): string | undefined {
    return this.#named && this.#given.name
  }

  /**
   * Takes the name and the paths of the command line.
   *
   * @throws (rejects) {Failure} if a service of this name runs, and the name was chosen
   * @throws (rejects) `ERR_ENDLESS_PID_FILE`, `ERR_ENDLESS_CONTROL`
   */
  async claim(): Promise<void> {
    try {
      await this.#claimName(this.#given)
      await this.#claimPaths()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async #claimName({ name, isNameChosen }: Place): Promise<void> {
    const asker = currentAsker()
    if (name === undefined || (asker.uid === undefined && !isNameChosen)) return
    try {
      this.#named = await claimName(name, this.#facts.service, asker)
    } catch (error) {
      const isTaken = error instanceof Failure
      const reason = isTaken ? error.message : `cannot keep the name ${name}: ${messageOf(error)}`
      if (isNameChosen) throw isTaken ? error : new Failure('misused', reason)
      this.#facts.logger.warn(
        `${reason}. Commands do not find this service; give it another name (--name), or a path (--control)`,
      )
    }
  }

  async #claimPaths(): Promise<void> {
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

  /** Removes all of them; resolves when clients that wait for the end have been answered. */
  async close(): Promise<void> {
    this.#pidFile?.remove()
    this.#control?.close()
    this.#named?.close()
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Returns the paths that a generation has the right to ask for, and logs those that it is refused. */
  #permitted(wanted: WantedPaths): ServicePaths {
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

  #find(wanted: ServicePaths): ServicePaths {
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
