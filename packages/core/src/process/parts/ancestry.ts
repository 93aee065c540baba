import type {
  Channel,
  FromSupervisor,
  Inheritance,
  MovedConnection,
  MovedUpgrade,
  ToSupervisor,
} from '../../handoff/protocol.js'
import { Predecessor, type Claimed } from '../../handoff/predecessor.js'
import { Supervisor, type Question } from '../../handoff/supervisor.js'
import type { RawHandle } from '../../node/internals.js'
import type { ListenTarget } from '../../listeners/address.js'
import { HeldListeners } from '../../listeners/held-listeners.js'
import type { ProcessSettings } from './process-settings.js'
import { openPassedSockets } from '../../service-manager/activation.js'
import { ServiceManager } from '../../service-manager/service-manager.js'
import { takeServiceVariables, type NotifyAddress } from '../../service-manager/variables.js'
import type { System } from '../../node/system.js'

/** What a process does for those that it comes from. */
export interface Descendant {
  /** Called once, when it may accept; see {@link Predecessor}. */
  readonly takeOver: (afterMs?: number) => void
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
    descendant: Descendant,
  ) {
    this.#system = system
    this.#settings = settings
    if (!inheritance) return
    this.supervisor = this.#superviseBy(inheritance, descendant)
    this.predecessor = new Predecessor(
      system,
      inheritance,
      this.supervisor?.predecessor ?? inheritance.channel,
      descendant.takeOver,
      descendant.adopt,
      () => settings.current.readyTimeoutMs,
    )
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

  claim(target: ListenTarget): Claimed | undefined {
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
    { answer }: Descendant,
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
