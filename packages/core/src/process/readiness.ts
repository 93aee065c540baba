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
  /** Called while unclaimed sockets are all that is waited for, with the time that is left, in ms. */
  awaits(graceMs: number): void
  /** Called once, when all servers are ready. */
  ready(): void
}

/** How long to wait before that is said: most programs call one `listen` right after the other. */
const quietMs = 500

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
      this.#wait(unclaimedGraceMs)
      return
    }
    this.#isReady = true
    this.#host.ready()
  }

  /** Waits for the unclaimed sockets. Counted from the last listen, and the first wait is silent. */
  #wait(graceMs: number): void {
    const silentMs = Math.min(quietMs, graceMs)
    const restMs = graceMs - silentMs
    this.#startTimer(silentMs, () => {
      if (restMs > 0) this.#host.awaits(restMs)
      this.#startTimer(restMs, () => {
        this.#hasGivenUp = true
        this.#look()
      })
    })
  }

  #startTimer(delayMs: number, callback: () => void): void {
    // Unreferenced: the channel keeps a successor alive.
    this.#timer = this.#system.setTimeout(callback, delayMs).unref()
  }
}
