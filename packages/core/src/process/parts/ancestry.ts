import { Predecessor } from '../../handoff/predecessor.js'
import type { FromSupervisor, Inheritance, ToSupervisor } from '../../handoff/protocol.js'
import { type Question, Supervisor } from '../../handoff/supervisor.js'
import type { Channel } from '../../line/channel.js'
import type { ListenTarget } from '../../listeners/address.js'
import { HeldListeners } from '../../listeners/held-listeners.js'
import type { PassedListener } from '../../listeners/passed-listener.js'
import type { MovedConnection } from '../../migration/migration.js'
import type { MovedUpgrade } from '../../migration/upgrade-migration.js'
import type { RawHandle } from '../../node/internals.js'
import type { System } from '../../node/system.js'
import { openPassedSockets } from '../../service-manager/activation.js'
import { ServiceManager } from '../../service-manager/service-manager.js'
import { type NotifyAddress, takeServiceVariables } from '../../service-manager/variables.js'
import type { ProcessSettings } from './process-settings.js'

/** What a process does for those that it comes from. */
export interface AncestryHost {
  readonly adopt: (moved: MovedConnection | MovedUpgrade, handle: RawHandle) => boolean
  /** Gives what a supervisor asks for. */
  readonly answer: (what: Question) => Promise<unknown>
}

/** What this process comes from: a predecessor, a supervisor, a service manager, or nobody. */
export class Ancestry {
  readonly predecessor: Predecessor | undefined
  readonly supervisor: Supervisor | undefined
  readonly #system: System
  readonly #settings: ProcessSettings
  #serviceManager: ServiceManager | undefined
  /** What a service manager has bound for the first process of a chain. */
  #activated: HeldListeners | undefined

  constructor(
    system: System,
    settings: ProcessSettings,
    inheritance: Inheritance | undefined,
    host: AncestryHost,
  ) {
    this.#system = system
    this.#settings = settings
    if (!inheritance) return
    this.supervisor = this.#superviseBy(inheritance, host)
    this.predecessor = new Predecessor({
      system,
      inheritance,
      channel: this.supervisor?.predecessor ?? inheritance.channel,
      adopt: host.adopt,
      readyTimeoutMs: () => settings.current.readyTimeoutMs,
    })
    this.#serviceManager = this.#answerTo(inheritance.welcome.serviceManager)
  }

  /** The number of this generation. */
  get number(): number {
    return this.predecessor?.generation ?? 0
  }

  /** Whether nobody else accepts on what this process holds. */
  get mayAccept(): boolean {
    return this.predecessor?.hasTakenOver ?? true
  }

  get terminal(): 'present' | 'gone' | 'none' {
    // Under a supervisor it is not this process that has the terminal.
    return this.supervisor?.isAtTerminal ? 'present' : this.#system.terminal()
  }

  /** Of a supervisor's generations it is the supervisor that answers to it. */
  get serviceManager(): ServiceManager | undefined {
    return this.#serviceManager
  }

  /** The listening sockets that were passed on. */
  get held(): HeldListeners | undefined {
    return this.predecessor?.held ?? this.#activated
  }

  claim(target: ListenTarget): PassedListener | undefined {
    return this.predecessor ? this.predecessor.claim(target) : this.#activated?.claim(target)
  }

  /**
   * Takes what a service manager has said. Not before something listens: a program that serves nothing
   * sees what it would see without us.
   */
  obeyServiceManager(): void {
    // The primary of a cluster has bound what its workers listen on.
    if (this.predecessor || this.#activated || this.#system.isClusterWorker) return
    const { sockets, notify } = takeServiceVariables(this.#system)
    this.#activated = new HeldListeners(openPassedSockets(sockets, this.#settings.logger))
    this.#serviceManager = this.#answerTo(notify)
  }

  #answerTo(address: NotifyAddress | undefined): ServiceManager | undefined {
    return address && new ServiceManager(this.#system, address, () => this.#settings.logger)
  }

  #superviseBy(
    { channel, welcome: { supervisor: facts } }: Inheritance,
    { answer }: AncestryHost,
  ): Supervisor | undefined {
    if (!facts) return undefined
    const line = channel as unknown as Channel<ToSupervisor, FromSupervisor>
    const supervisor = new Supervisor(line, facts, answer)
    void supervisor.gone.then(() => {
      const { logger } = this.#settings
      if (this.mayAccept) {
        logger.warn('The supervisor is gone: this process serves on, and nobody replaces it.')
        supervisor.standAlone()
      } else {
        // Whoever serves now goes on, and can no longer hand over to this process.
        logger.error('The supervisor is gone before this process served: exiting.')
        this.#system.exit()
      }
    })
    return supervisor
  }
}
