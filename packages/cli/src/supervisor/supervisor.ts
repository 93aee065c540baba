import {
  deferred,
  formatAddress,
  type GenerationStatus,
  type LastRestart,
  type PassedListener,
  type RestartOptions,
  type RestartReport,
  type SpawnRequest,
} from '@endless/core/for-cli'
import type { KeptListener } from './escrow.js'
import type { Generation } from './generation.js'
import { Roll } from './roll.js'
import { Rolls } from './rolls.js'
import { Slot, type SupervisorSignal } from './slot.js'
import type { SlotHost } from './slot-host.js'
import type { LastDeath } from './succession.js'

/** What a {@link Supervisor} needs from its surroundings: the process, and calls when its state changes. */
export type SupervisorHost = Omit<SlotHost, 'workers' | 'shared' | 'restart'>

/**
 * Parent of all generations of a service. It runs no code of the application. The service has one slot for each
 * of its workers; all of them accept on the same listening sockets.
 */
export class Supervisor {
  readonly #host: SupervisorHost
  readonly #workers: number
  readonly #slots: Slot[] = []
  readonly #rolls: Rolls
  readonly #over = deferred<number>()
  #launch: SpawnRequest | undefined
  /** Exit code of the first slot that ended badly. */
  #exitCode = 0
  #ended = 0
  #isStopping = false
  #isHangUpDue = false

  /** @param workers how many generations serve together */
  constructor(host: SupervisorHost, workers: number) {
    this.#host = host
    this.#workers = workers
    this.#rolls = new Rolls(host, (options) => new Roll(host, this.#slots, options))
  }

  /** Resolves with the exit code of the service when all generations have ended. */
  get ended(): Promise<number> {
    return this.#over.promise
  }

  get slots(): readonly Slot[] {
    return this.#slots
  }

  /** How many slots the service is to have. */
  get workers(): number {
    return this.#workers
  }

  /** Generations that are alive: slot by slot, from the oldest to the newest. */
  get generations(): Generation[] {
    return this.#slots.flatMap((slot) => slot.generations)
  }

  /** The generation that serves in the first slot. */
  get current(): Generation | undefined {
    return this.#slots[0]?.current
  }

  /** How the last restart ended, as far as this process saw it. */
  get lastRestart(): LastRestart | null {
    return this.#workers > 1 ? this.#rolls.last : (this.#slots[0]?.lastRestart ?? null)
  }

  /** Latest death of a generation that served, or was started to replace a dead one. */
  get death(): LastDeath | undefined {
    const deaths = this.#slots.flatMap(({ death }) => death ?? [])
    return deaths.sort((one, other) => other.endedMs - one.endedMs)[0]
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Time until the next start of a generation in place of a dead one; `null` if none is due. */
  get startingInMs(): number | null {
    const due = this.#slots.flatMap(({ replacement }) => replacement.startingInMs ?? [])
    return due.length === 0 ? null : Math.min(...due)
  }

  /**
   * Starts the service: its first slot, and when that serves the others.
   *
   * @param listeners sockets that a service manager bound for it
   */
  start(launch: SpawnRequest, listeners: PassedListener[] = []): void {
    this.#launch = launch
    this.#add().start(launch, listeners)
  }

  signal(signal: SupervisorSignal): void {
    if (signal === 'SIGHUP' && this.#workers > 1) this.#hangUp()
    else for (const slot of this.#slots) slot.signal(signal)
  }

  /** Restarts the service: all slots, one after the other. */
  restart(options: RestartOptions = {}): Promise<RestartReport> {
    const [slot] = this.#slots
    return this.#workers === 1 && slot ? slot.restart(options) : this.#rolls.restart(options)
  }

  /** Asks a generation for its status. */
  statusOf(generation: Generation): Promise<GenerationStatus> {
    const slot = this.#slots.find(({ generations }) => generations.includes(generation))
    return slot ? slot.statusOf(generation) : Promise.reject(new Error('the generation has ended'))
  }

  #add(): Slot {
    const slot: Slot = new Slot(
      this.#hostOf(() => slot),
      this.#slots.length,
    )
    this.#slots.push(slot)
    void slot.ended.then((exitCode) => {
      if (this.#exitCode === 0) this.#exitCode = exitCode
      if (++this.#ended === this.#slots.length) this.#over.resolve(this.#exitCode)
    })
    return slot
  }

  #hostOf(slot: () => Slot): SlotHost {
    const { logger, pid, now, spawn, otherUserOf, terminal } = this.#host
    return {
      logger,
      pid,
      workers: this.#workers,
      now,
      spawn,
      otherUserOf,
      terminal,
      shared: () => this.#sharedWith(slot()),
      restart: (options) => this.restart(options),
      serving: (generation) => {
        this.#serving(slot(), generation)
      },
      // A roll tells of itself.
      restarting: () => {
        if (!this.#rolls.isUnderWay) this.#host.restarting()
      },
      restartFailed: (reason) => {
        if (!this.#rolls.isUnderWay) this.#host.restartFailed(reason)
      },
      stopping: () => {
        if (!this.#isStopping) this.#host.stopping()
        this.#isStopping = true
      },
    }
  }

  /** Returns the sockets of the other slots, each address once: that of the first slot which has it. */
  #sharedWith(slot: Slot): KeptListener[] {
    const shared = new Map<string, KeptListener>()
    for (const { index, listeners } of this.#slots) {
      if (index === slot.index) continue
      for (const listener of listeners) {
        const address = formatAddress(listener.bound)
        if (!shared.has(address)) shared.set(address, listener)
      }
    }
    return [...shared.values()]
  }

  #serving(slot: Slot, generation: Generation): void {
    if (slot.index === 0) this.#host.serving(generation)
    if (this.#isStopping) return
    while (this.#launch && this.#slots.length < this.#workers) {
      this.#add().join(this.#launch, generation.readyTimeoutMs)
    }
    if (this.#isHangUpDue && this.#slots.every(({ current }) => current)) this.#hangUp()
  }

  #hangUp(): void {
    this.#isHangUpDue = false
    if (this.#host.terminal() === 'gone') {
      this.#host.logger.info('the terminal has been closed: shutting down')
      this.signal('SIGINT')
    } else if (this.#slots.some(({ current }) => current)) {
      // The log tells how this restart ends.
      this.restart().catch(() => undefined)
    } else this.#isHangUpDue = true
  }
}
