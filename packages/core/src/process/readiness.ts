import type { System } from '../node/system.js'

// When a process is ready to serve.

/** What {@link Readiness} needs from the process. */
export interface ReadinessHost {
  readonly mode: 'listening' | 'manual'
  /** Number of held sockets that no server has claimed. */
  readonly unclaimed: number
  readonly unclaimedGraceMs: number
  /** A successor with a failed listen must not take over; generation 0 serves with its other servers. */
  readonly isSuccessor: boolean
  /** Called when the grace for unclaimed sockets is over. */
  giveUpUnclaimed(): void
  /** Called once, when all servers are ready. */
  ready(): void
}

/** Decides when the process is ready: one barrier for all its servers. */
export class Readiness {
  readonly #system: System
  readonly #host: ReadinessHost
  readonly #pending = new Set<object>()
  readonly #failed = new Set<object>()
  readonly #begun = new Set<object>()
  #timer: NodeJS.Timeout | undefined
  #isManuallyReady = false
  #hasGivenUp = false
  #isReady = false

  constructor(system: System, host: ReadinessHost) {
    this.#system = system
    this.#host = host
  }

  get isReady(): boolean {
    return this.#isReady
  }

  listenBegun(server: object): void {
    this.#failed.delete(server)
    this.#pending.add(server)
  }

  listenFailed(server: object): void {
    this.#pending.delete(server)
    this.#begun.delete(server)
    this.#failed.add(server)
    this.#look()
  }

  /** Call when a server listens and its `beforeBegin` has settled. */
  begun(server: object): void {
    this.#pending.delete(server)
    this.#begun.add(server)
    this.#look()
  }

  closed(server: object): void {
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
    if (this.#isReady || this.#begun.size === 0 || this.#pending.size > 0) return
    const { mode, unclaimed, unclaimedGraceMs, isSuccessor } = this.#host
    if (isSuccessor && this.#failed.size > 0) return
    if (mode === 'manual' && !this.#isManuallyReady) return
    if (mode === 'listening' && unclaimed > 0 && !this.#hasGivenUp) {
      // Counted from the last listen. Unreferenced: the channel keeps a successor alive.
      this.#timer = this.#system
        .setTimeout(() => {
          this.#hasGivenUp = true
          this.#host.giveUpUnclaimed()
          this.#look()
        }, unclaimedGraceMs)
        .unref()
      return
    }
    this.#isReady = true
    this.#host.ready()
  }
}
