import { messageOf } from '../../api/endless-error.js'
import type { ProcessOptions } from '../../api/options.js'
import { ControlSocket } from '../../control/control-socket.js'
import { PidFile } from '../../control/pid-file.js'
import { controlBeside, type Service } from '../../control/service.js'
import type { UnixAddress } from '../../listeners/address.js'
import type { System } from '../../node/system.js'
import type { ProcessSettings } from './process-settings.js'

/** How long to wait before what could not be written is tried again. */
const againMs = 1_000

/** Whose the pid file and the control socket may be. */
interface Place {
  /** Pid of the predecessor or the supervisor, whose pid file ours may be; `undefined` without. */
  parentPid?: number | undefined
  /** Returns the slot of this process. */
  slot?: () => number
}

/**
 * The pid file and the control socket that the servers of this process ask for. Under a supervisor,
 * which keeps both itself, only their paths count. If the supervisor is gone, they are those of slot 0: each can lead
 * to one process alone.
 */
export class Whereabouts {
  readonly #system: System
  readonly #settings: ProcessSettings
  readonly #service: Service
  readonly #parentPid: number | undefined
  readonly #slot: () => number
  #pidFile: PidFile | undefined
  #control: ControlSocket | undefined
  #asked: ProcessOptions = {}
  /** Whether anybody may have found them. */
  #isShown = false
  #again: NodeJS.Timeout | undefined
  #attempt = 0

  constructor(
    system: System,
    settings: ProcessSettings,
    service: Service,
    { parentPid, slot = () => 0 }: Place = {},
  ) {
    this.#system = system
    this.#settings = settings
    this.#service = service
    this.#parentPid = parentPid
    this.#slot = slot
  }

  /**
   * Takes the paths that the servers so far ask for. They stay once somebody may have found them. If either is
   * refused, neither is kept.
   *
   * @throws `ERR_ENDLESS_PID_FILE`, `ERR_ENDLESS_CONTROL`
   */
  take(asked: ProcessOptions): void {
    // What is asked for again is not looked at again: the process may have given up the right to.
    const keeps = (name: 'pidFile' | 'control'): boolean =>
      this.#isShown || asked[name] === this.#asked[name]
    const former = {
      pidFile: keeps('pidFile') ? this.#pidFile : undefined,
      control: keeps('control') ? this.#control : undefined,
    }
    const pidFile = former.pidFile ?? this.#createPidFile(asked.pidFile)
    const control = former.control ?? this.#createControl(asked.control)
    this.#asked = asked
    this.#pidFile = pidFile
    this.#control = control
  }

  /**
   * Checks that the pid file is not another living process's. Call before a server listens: until then, a second
   * process may load the program and serve nothing.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  check(): void {
    if (this.#isOurs) this.#pidFile?.check()
  }

  get hasPidFile(): boolean {
    return this.#pidFile !== undefined
  }

  get paths(): { pidFile: string | undefined; control: string | undefined } {
    return { pidFile: this.#pidFile?.path, control: this.#findControl()?.path }
  }

  /** The address of the control socket, so that a successor can take over its path. */
  get bound(): UnixAddress | undefined {
    return this.#control?.bound
  }

  /**
   * Writes what can be written before this process serves, so that a failure shows in time.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  prepare(): void {
    if (!this.#isOurs) return
    this.#pidFile?.prepare()
    this.#removeAtExit()
  }

  /**
   * Makes the pid file name this process, which is about to take over.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  writePidFile(): void {
    if (!this.#isOurs) return
    this.#removeAtExit()
    this.#pidFile?.write()
  }

  /**
   * Makes both lead to this process; resolves when they do. A failure is logged, and what has failed is tried again
   * each second: a disk may be full, or no descriptor left, when a predecessor serves again.
   *
   * @param other returns the control socket of the generation in whose place this one serves; asked at each try, since a
   * successor may be rolled back before it has said where its own is
   */
  async publish(other: () => UnixAddress | undefined): Promise<void> {
    if (!this.#isOurs) return
    const steps = [
      () => {
        this.writePidFile()
      },
      () => this.#findControl()?.open(other()),
    ]
    await this.#tryAll(steps, (error) => {
      this.#settings.logger.error(messageOf(error))
    })
  }

  /** Tries all steps, and those that have failed again later. */
  async #tryAll(
    steps: readonly (() => Promise<void> | void | undefined)[],
    failed: (error: unknown) => void,
  ): Promise<void> {
    this.#stopTrying()
    const attempt = this.#attempt
    const failing: (typeof steps)[number][] = []
    for (const step of steps) {
      try {
        // Not awaited without need: the paths are there before the program hears 'ready'.
        const done = step()
        if (done) await done
      } catch (error) {
        failing.push(step)
        failed(error)
      }
    }
    // A successor may have taken over meanwhile.
    if (failing.length === 0 || attempt !== this.#attempt) return
    const again = (): void => {
      // The first failure has been logged.
      void this.#tryAll(failing, () => undefined)
    }
    this.#again = this.#system.setTimeout(again, againMs).unref()
  }

  #stopTrying(): void {
    this.#attempt++
    clearTimeout(this.#again)
  }

  /** Leaves the pid file to a successor that uses the same file. */
  leavePidFile(successors: string | undefined, pid?: number): void {
    this.#stopTrying()
    if (successors === this.#pidFile?.path) this.#pidFile?.leave(pid)
  }

  /** Removes the path of the control socket if the successor has not taken it over: it leads nowhere. */
  leaveControl(): void {
    this.#control?.leave()
  }

  /** Removes both, as nothing serves any more; requests that have arrived are still answered. */
  close(): void {
    this.#remove()
    this.#control?.close()
    this.#system.offExit(this.#remove)
    this.#pidFile = undefined
    this.#control = undefined
    this.#asked = {}
    this.#isShown = false
  }

  get #isOurs(): boolean {
    return this.#slot() === 0
  }

  #removeAtExit(): void {
    this.#isShown = true
    // Removed first, so that there is one listener when this process takes over again.
    this.#system.offExit(this.#remove)
    if (this.#pidFile ?? this.#control) this.#system.onExit(this.#remove)
  }

  readonly #remove = (): void => {
    this.#stopTrying()
    this.#pidFile?.remove()
    this.#control?.leave()
  }

  #createPidFile(file: string | undefined): PidFile | undefined {
    return file === undefined ? undefined : new PidFile(file, this.#system, this.#parentPid)
  }

  #createControl(file: string | undefined): ControlSocket | undefined {
    return file === undefined ? undefined : new ControlSocket(file, this.#service)
  }

  /** Returns the control socket that was asked for, or else the one beside the pid file. */
  #findControl(): ControlSocket | undefined {
    // Without restarts, the path could not be handed over either.
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
