import type { MoveReason } from '../../api/diagnostics.js'
import { messageOf } from '../../api/endless-error.js'
import type { JsonOptions } from '../../api/json-options.js'
import type { Counts } from '../../control/tally.js'
import { Predecessor, type PredecessorHost } from '../../handoff/predecessor.js'
import type {
  FromSupervisor,
  Inheritance,
  SupervisorFacts,
  ToSupervisor,
} from '../../handoff/protocol.js'
import { orphanedMs } from '../../handoff/successor.js'
import { Supervisor, type SupervisorLineHost } from '../../handoff/supervisor.js'
import type { Channel } from '../../line/channel.js'
import { confirmed } from '../../line/confirmed.js'
import type { ListenTarget, UdpAddress } from '../../listeners/address.js'
import { HeldListeners } from '../../listeners/held-listeners.js'
import type { PassedListener, PassedUdpSocket } from '../../listeners/passed-listener.js'
import type { MovedConnection } from '../../migration/migration.js'
import type { MovedUpgrade } from '../../migration/upgrade-migration.js'
import type { RawHandle } from '../../node/internals/raw-handle.js'
import type { System } from '../../node/system.js'
import { openPassedSockets } from '../../service-manager/activation.js'
import { ServiceManager } from '../../service-manager/service-manager.js'
import { type NotifyAddress, takeServiceVariables } from '../../service-manager/variables.js'
import type { ProcessSettings } from './process-settings.js'

// What this process comes from.

/** What {@link Ancestry} needs from the process. */
export interface AncestryHost {
  /** Takes over an open connection; returns whether there is a server for it. */
  readonly adopt: (moved: MovedConnection | MovedUpgrade, handle: RawHandle) => boolean
  readonly adoptsAt: SupervisorLineHost['adoptsAt']
  readonly answer: SupervisorLineHost['answer']
  readonly countAnswers: PredecessorHost['countAnswers']
  readonly load: SupervisorLineHost['load']
  readonly give: SupervisorLineHost['give']
  readonly leave: SupervisorLineHost['leave']
  readonly takeTicketKeys: SupervisorLineHost['takeTicketKeys']
  /** Called with what the service had counted before this process. */
  readonly counted: (counts: Counts | undefined) => void
  /** Called for each connection that has moved from or to another generation. */
  readonly moved: (why: MoveReason) => void
  /** Resolves with the metrics of the service. */
  readonly metrics: () => Promise<string>
  /**
   * Called when this process is told to accept in the place of its predecessor, before it does. What it throws is
   * why this process does not, and the predecessor serves again. Not called under a supervisor.
   */
  readonly takesOver: () => void
}

/** The predecessor, the supervisor and the service manager of this process; each may be missing. */
export class Ancestry {
  readonly predecessor: Predecessor | undefined
  readonly supervisor: Supervisor | undefined
  /** The preload `register` of `endless run`, which each generation loads. */
  readonly register: string | undefined
  /** The flags of `endless run`, which each generation obeys. */
  readonly flags: JsonOptions | undefined
  readonly #system: System
  readonly #settings: ProcessSettings
  #serviceManager: ServiceManager | undefined
  /** The sockets that a service manager has bound for the first process of a chain. */
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
    inheritance.onGarbage = (reason) => {
      settings.logger.error(`Ignored what the parent wrote to the channel: ${messageOf(reason)}`)
    }
    this.register = inheritance.entry.register
    this.flags = inheritance.entry.options
    this.supervisor = this.#superviseBy(inheritance, host)
    this.predecessor = new Predecessor({
      system,
      inheritance,
      channel: this.supervisor?.predecessor ?? confirmed(inheritance.channel),
      adopt: host.adopt,
      countAnswers: host.countAnswers,
      moved: host.moved,
      metrics: host.metrics,
      // A supervisor has a pid file of its own.
      takesOver: this.supervisor ? () => undefined : host.takesOver,
      readyTimeoutMs: () => settings.current.readyTimeoutMs,
      yield: (why) => {
        settings.logger.warn(`${why}: exiting.`)
        system.exit(0)
      },
    })
    const welcomed = (): void => {
      this.#serviceManager = this.#answerTo(inheritance.welcome?.serviceManager)
      host.counted(inheritance.welcome?.counts)
    }
    if (inheritance.welcome) welcomed()
    else void this.predecessor.arriving?.then(welcomed)
  }

  /** The number of this generation. */
  get number(): number {
    return this.predecessor?.generation ?? 0
  }

  /** Number that a successor of this process gets. */
  get nextNumber(): number {
    return this.number + 1
  }

  /** The slot of this process, from 0. It stays when the supervisor is gone. */
  get slot(): number {
    return this.supervisor?.slot ?? this.predecessor?.place.slot ?? 0
  }

  /** How many slots the service has; or had, when its supervisor ended. */
  get workers(): number {
    return this.supervisor?.workers ?? this.predecessor?.place.workers ?? 1
  }

  /** Whether this process may accept: no other process accepts on the sockets that it holds. */
  get mayAccept(): boolean {
    return this.predecessor?.hasTakenOver ?? true
  }

  /** Whether a supervisor shows where the service is found; it may have died. */
  get isSupervised(): boolean {
    return this.supervisor?.isGone === false
  }

  get terminal(): 'present' | 'gone' | 'none' {
    // A supervised generation has no terminal; its supervisor may have one.
    return this.supervisor?.isAtTerminal ? 'present' : this.#system.terminal()
  }

  /** Signals the process that has started this one, as long as it lives: the predecessor, or the supervisor. */
  signalParent(signal: NodeJS.Signals): void {
    const { pid } = this.predecessor ?? {}
    if (pid !== undefined && this.#system.isParent(pid)) {
      this.#system.signalProcess(pid, signal, Date.now())
    }
  }

  /** `undefined` under a supervisor, which talks to the service manager itself. */
  get serviceManager(): ServiceManager | undefined {
    return this.#serviceManager
  }

  /** Settles when all that this process inherits is here; `undefined` if it is, or there is nothing. */
  get arriving(): Promise<void> | undefined {
    return this.predecessor?.arriving
  }

  /** Whether a UDP socket reaches a successor: not through a supervisor that knows only listening sockets. */
  get passesUdp(): boolean {
    return !this.isSupervised || this.supervisor?.takesUdp === true
  }

  /** The sockets that the predecessor or the service manager passed to this process. */
  get held(): HeldListeners | undefined {
    return this.predecessor?.held ?? this.#activated
  }

  claim(target: ListenTarget): PassedListener | undefined {
    return this.predecessor ? this.predecessor.claim(target) : this.#activated?.claim(target)
  }

  claimUdp(address: UdpAddress): PassedUdpSocket | undefined {
    return this.predecessor?.claimUdp(address)
  }

  /**
   * Takes the variables and sockets of a service manager. Call it when a server begins to listen: a program
   * that serves nothing sees the same environment as without endless.
   * See docs/decisions.md, "The variables of systemd leave the environment"
   */
  obeyServiceManager(): void {
    // In a cluster, the primary has bound the sockets of its workers.
    if (this.predecessor || this.#activated || this.#system.isClusterWorker) return
    const { sockets, notify } = takeServiceVariables(this.#system)
    this.#activated = new HeldListeners(openPassedSockets(sockets, this.#settings.logger))
    this.#serviceManager = this.#answerTo(notify)
  }

  #answerTo(address: NotifyAddress | undefined): ServiceManager | undefined {
    return address && new ServiceManager(this.#system, address, () => this.#settings.logger)
  }

  #superviseBy(inheritance: Inheritance, host: AncestryHost): Supervisor | undefined {
    if (!inheritance.entry.isSupervised) return undefined
    const line = inheritance.channel as unknown as Channel<ToSupervisor, FromSupervisor>
    const facts = (): SupervisorFacts | undefined => inheritance.welcome?.supervisor
    const supervisor = new Supervisor(line, facts, { ...host, system: this.#system })
    // See docs/decisions.md, "A generation outlives its supervisor"
    void supervisor.gone.then(() => {
      this.predecessor?.probation.lose()
      if (this.mayAccept) {
        // The predecessor looks meanwhile whether this process lives, and serves again if not: this one must not
        // hand over and exit before that. Referenced: it may have nothing else to do.
        this.#system.setTimeout(() => {
          supervisor.standAlone()
        }, 2 * orphanedMs)
      } else {
        // The process that serves keeps serving, and can no longer hand over to this one.
        this.#settings.logger.error(
          'The supervisor is gone, and this process does not serve yet: exiting.',
        )
        this.#system.exit(1)
      }
    })
    return supervisor
  }
}
