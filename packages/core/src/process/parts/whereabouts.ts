import { messageOf } from '../../api/endless-error.js'
import type { ProcessOptions } from '../../api/options.js'
import { ControlSocket } from '../../control/control-socket.js'
import { PidFile } from '../../control/pid-file.js'
import { controlBeside, type Service } from '../../control/service.js'
import type { UnixAddress } from '../../listeners/address.js'
import type { System } from '../../node/system.js'
import type { ProcessSettings } from './process-settings.js'

/**
 * The pid file and the control socket that the servers of this process ask for. Only paths under a
 * supervisor, which keeps both in our place.
 */
export class Whereabouts {
  readonly #system: System
  readonly #settings: ProcessSettings
  readonly #service: Service
  #pidFile: PidFile | undefined
  #control: ControlSocket | undefined

  constructor(system: System, settings: ProcessSettings, service: Service) {
    this.#system = system
    this.#settings = settings
    this.#service = service
  }

  /**
   * Takes what a server asks for, unless another has.
   *
   * @throws `ERR_ENDLESS_PID_FILE`, `ERR_ENDLESS_CONTROL`
   */
  take({ pidFile, control }: ProcessOptions): void {
    if (pidFile !== undefined) this.#pidFile ??= new PidFile(pidFile, this.#system.pid)
    if (control !== undefined) this.#control ??= new ControlSocket(control, this.#service)
  }

  get paths(): { pidFile: string | undefined; control: string | undefined } {
    return { pidFile: this.#pidFile?.path, control: this.#findControl()?.path }
  }

  /** Where the control socket listens, for a successor to take its path. */
  get bound(): UnixAddress | undefined {
    return this.#control?.bound
  }

  /**
   * Writes what can be written before this process serves.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  prepare(): void {
    this.#pidFile?.prepare()
    this.#removeAtExit()
  }

  /** Has both lead here; settles when they do. What cannot be done is logged. */
  async publish(predecessor: UnixAddress | undefined): Promise<void> {
    this.#removeAtExit()
    try {
      this.#pidFile?.write()
    } catch (error) {
      this.#settings.logger.error(messageOf(error))
    }
    try {
      await this.#findControl()?.open(predecessor)
    } catch (error) {
      this.#settings.logger.error(messageOf(error))
    }
  }

  /** Leaves the pid file to a successor that has the same. */
  leavePidFile(successors: string | undefined): void {
    if (successors === this.#pidFile?.path) this.#pidFile?.leave()
  }

  /** Removes a path of the control socket that the successor has not taken: it leads nowhere. */
  leaveControl(): void {
    this.#control?.leave()
  }

  /** Nothing serves any more; who has asked is still answered. */
  close(): void {
    this.#remove()
    this.#control?.close()
    this.#system.offExit(this.#remove)
    this.#pidFile = undefined
    this.#control = undefined
  }

  #removeAtExit(): void {
    // Again when this process takes over again, and caught once.
    this.#system.offExit(this.#remove)
    if (this.#pidFile ?? this.#control) this.#system.onExit(this.#remove)
  }

  readonly #remove = (): void => {
    this.#pidFile?.remove()
    this.#control?.leave()
  }

  /** The control socket that was asked for, or the one beside the pid file. */
  #findControl(): ControlSocket | undefined {
    // Where nothing can be handed over, nor can a path.
    if (this.#system.platform === 'win32' || this.#system.isClusterWorker) return undefined
    if (this.#control || !this.#pidFile) return this.#control
    try {
      this.#control = new ControlSocket(controlBeside(this.#pidFile.path), this.#service)
    } catch (error) {
      this.#settings.logger.warn(messageOf(error))
    }
    return this.#control
  }
}
