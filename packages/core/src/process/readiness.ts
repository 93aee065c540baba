import type { Logger } from '../api/logger.js'
import { sayIfLong, type Wait } from '../api/long-wait.js'
import type { System } from '../node/system.js'

// When a process is ready to serve.

/** What {@link Readiness} needs from the process. */
export interface ReadinessHost {
  readonly mode: 'listening' | 'manual'
  /** The held sockets that no server has claimed. */
  readonly unclaimed: readonly string[]
  readonly unclaimedGraceMs: number
  /** A successor with a failed listen must not take over; generation 0 serves with its other servers. */
  readonly isSuccessor: boolean
  readonly logger: Logger
  /** Called once, when all servers are ready. */
  ready(): void
}

/** What {@link Readiness} needs of a server. */
export interface BootingServer {
  /** What is waited for until it has begun: `beforeBegin of [::]:3000`. */
  readonly awaits: string
}

/** Decides when the process is ready: one barrier for all its servers. */
export class Readiness {
  readonly #system: System
  readonly #host: ReadinessHost
  readonly #pending = new Set<BootingServer>()
  readonly #failed = new Set<BootingServer>()
  readonly #begun = new Set<BootingServer>()
  #timer: NodeJS.Timeout | undefined
  #endWait: () => void = () => undefined
  #isManuallyReady = false
  #hasGivenUp = false
  #isReady = false

  constructor(system: System, host: ReadinessHost) {
    this.#system = system
    this.#host = host
    // Before its first `listen`, generation 0 is a program like any other.
    if (host.isSuccessor) this.#waitOn()
  }

  get isReady(): boolean {
    return this.#isReady
  }

  listenBegun(server: BootingServer): void {
    this.#failed.delete(server)
    this.#pending.add(server)
    this.#waitOn()
  }

  listenFailed(server: BootingServer): void {
    this.#pending.delete(server)
    this.#begun.delete(server)
    this.#failed.add(server)
    this.#look()
  }

  /** Call when a server listens and its `beforeBegin` has settled. */
  begun(server: BootingServer): void {
    this.#pending.delete(server)
    this.#begun.add(server)
    this.#look()
  }

  /** Call when a UDP socket is bound: it may be the last of the held sockets. */
  claimed(): void {
    this.#look()
  }

  closed(server: BootingServer): void {
    this.#pending.delete(server)
    this.#begun.delete(server)
    this.#failed.delete(server)
    this.#look()
  }

  /** Call when the application calls `generation.ready()`. */
  manually(): void {
    this.#isManuallyReady = true
    this.#look()
  }

  #look(): void {
    clearTimeout(this.#timer)
    this.#waitOn()
    if (this.#isReady || this.#begun.size === 0 || this.#pending.size > 0) return
    const { mode, unclaimed, unclaimedGraceMs, isSuccessor } = this.#host
    if (isSuccessor && this.#failed.size > 0) return
    if (mode === 'manual' && !this.#isManuallyReady) return
    if (mode === 'listening' && unclaimed.length > 0 && !this.#hasGivenUp) {
      // Counted from the last listen. Unreferenced: the channel keeps a successor alive.
      this.#timer = this.#system
        .setTimeout(() => {
          this.#hasGivenUp = true
          this.#look()
        }, unclaimedGraceMs)
        .unref()
      return
    }
    this.#isReady = true
    this.#endWait()
    this.#host.ready()
  }

  /** Says what is waited for, if nothing changes that for long. */
  #waitOn(): void {
    this.#endWait()
    if (this.#isReady) return
    const { logger } = this.#host
    this.#endWait = sayIfLong({ system: this.#system, logger }, () => this.#wait)
  }

  get #wait(): Wait | undefined {
    const { mode, unclaimed, unclaimedGraceMs, isSuccessor } = this.#host
    const pending = [...this.#pending].map(({ awaits }) => awaits)
    if (pending.length > 0) return { what: pending.join(', ') }
    const hasBegun = this.#begun.size > 0
    if (isSuccessor && this.#failed.size > 0) return undefined
    if (hasBegun && mode === 'manual') return { what: 'generation.ready()' }
    if (unclaimed.length === 0) return undefined
    const what = `listen on ${unclaimed.join(', ')}`
    return hasBegun ? { what, limitMs: unclaimedGraceMs } : { what }
  }
}
