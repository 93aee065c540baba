import type {
  Logger,
  NotifyAddress,
  PassedListener,
  PassedSocket,
  System,
} from '@endless/core/for-cli'
import { openPassedSockets, ServiceManager } from '@endless/core/for-cli-later'
import type { Generation } from '../generation.js'
import type { SupervisorHost } from '../supervisor.js'
import type { Supervisor } from '../supervisor.js'
import { launchedBy } from './launched-by.js'
import { keepMemoryFlat } from './memory.js'
import { SupervisedService } from './supervised-service.js'
import { type Place, Whereabouts } from './whereabouts.js'

/**
 * Shows a supervised service to the outside: by its pid file, its control socket, and reports to its service
 * manager. See docs/decisions.md, "The supervisor loads late what can wait"
 */
export class Front implements Pick<
  SupervisorHost,
  'serving' | 'restarting' | 'restartFailed' | 'stopping' | 'metrics'
> {
  readonly #system: System
  readonly #logger: Logger
  readonly #service: SupervisedService
  readonly #whereabouts: Whereabouts
  readonly #serviceManager: ServiceManager | undefined

  constructor(
    supervisor: Supervisor,
    place: Place,
    notify: NotifyAddress | undefined,
    { system, logger }: { system: System; logger: Logger },
  ) {
    this.#system = system
    this.#logger = logger
    this.#service = new SupervisedService(supervisor, system, {
      name: () => this.#whereabouts.name ?? null,
      directory: place.directory,
    })
    this.#whereabouts = new Whereabouts(place, { service: this.#service, system, logger })
    this.#serviceManager =
      notify &&
      new ServiceManager(
        system,
        notify,
        () => logger,
        // For the watchdog, which is to notice hanging alone: a generation that dies is replaced. As long as one
        // worker answers, the service serves.
        async () => {
          const asked = supervisor.slots.serving.map((each) =>
            supervisor.statusOf(each).catch(() => undefined),
          )
          if (asked.length > 0) await Promise.race(asked)
        },
      )
  }

  /**
   * Takes the name of the service and the paths of the command line.
   *
   * @throws (rejects) {Failure} if a service of this name runs, and the name was chosen
   * @throws (rejects) `ERR_ENDLESS_PID_FILE`, `ERR_ENDLESS_CONTROL`
   */
  claim(): Promise<void> {
    return this.#whereabouts.claim()
  }

  /** Opens the sockets that a service manager bound for the service. */
  open(sockets: PassedSocket[]): PassedListener[] {
    return openPassedSockets(sockets, this.#logger)
  }

  /** Warns if this process was started by a launcher that does not forward every signal. */
  warnOfLauncher(): void {
    const { pid, ppid } = this.#system
    const launcher = launchedBy(ppid)
    if (launcher === undefined) return
    this.#logger.warn(
      `started by ${launcher}, which does not forward every signal: signal pid ${String(pid)} itself`,
    )
  }

  serving(generation: Generation): void {
    keepMemoryFlat()
    this.#service.serving(generation)
    void this.#whereabouts.serving(generation.wanted)
    this.#serviceManager?.serving(generation.number, generation.pid)
  }

  restarting(): void {
    void this.#serviceManager?.restarting()
  }

  restartFailed(reason: string): void {
    this.#serviceManager?.restartFailed(reason)
  }

  stopping(): void {
    this.#serviceManager?.stopping()
  }

  metrics(): Promise<string> {
    return this.#service.metrics()
  }

  /** Removes pid file and control socket; resolves when clients that wait for the end have been answered. */
  close(): Promise<void> {
    return this.#whereabouts.close()
  }
}
