import {
  deferred,
  EndlessError,
  formatAddress,
  type GenerationStatus,
  type LastRestart,
  type Logger,
  messageOf,
  mostWorkers,
  type PassedListener,
  type RestartReport,
  type RestartRequest,
  type RollProgress,
  type SpawnRequest,
  Tally,
} from '@endless/core/for-cli'
import type { KeptSocket } from './escrow.js'
import { emptiest, Evenness } from './evenness.js'
import { Exchange } from './exchange.js'
import type { Generation } from './generation.js'
import { Roll } from './roll.js'
import { Rolls } from './rolls.js'
import { Slot, type SlotSignal } from './slot.js'
import type { SlotHost } from './slot-host.js'
import type { LastDeath } from './succession.js'

export type SupervisorSignal = SlotSignal | 'SIGTTIN' | 'SIGTTOU'

/** What a {@link Supervisor} needs from its surroundings: the process, and calls when its state changes. */
export type SupervisorHost = Omit<
  SlotHost,
  'workers' | 'shared' | 'exchange' | 'restart' | 'restarted' | 'moved' | 'counts'
>

/**
 * Parent of all generations of a service. It runs no code of the application. The service has one slot for each
 * of its workers. See docs/decisions.md, "Workers accept on one shared socket"
 */
export class Supervisor {
  readonly #host: SupervisorHost
  readonly #slots = new Set<Slot>()
  readonly #rolls: Rolls
  /** What the service has counted. See docs/decisions.md, "Sums go from process to process" */
  readonly tally = new Tally()
  readonly #exchange = new Exchange(
    (from) => this.#takerFor(from),
    (from) => {
      this.tally.moved(this.#slotOf(from)?.isLeaving ? 'scale' : 'balance')
    },
  )
  /** Called when one more slot has the new version. */
  readonly #watchers = new Set<() => void>()
  readonly #evenness: Evenness
  readonly #over = deferred<number>()
  #workers: number
  #launch: SpawnRequest | undefined
  /** Exit code of the first slot that ended badly. */
  #exitCode = 0
  #isStopping = false
  #isFilled = false
  #isHangUpDue = false

  /** @param workers how many generations serve together */
  constructor(host: SupervisorHost, workers: number) {
    this.#host = host
    this.#workers = workers
    const progressed = (): void => {
      for (const watcher of this.#watchers) watcher()
    }
    this.#rolls = new Rolls(
      {
        ...host,
        restarted: (outcome, ms) => {
          this.tally.restarted(outcome, ms)
        },
      },
      (options) => new Roll({ ...host, progressed }, this.slots, options),
    )
    // A restart moves connections itself.
    this.#evenness = new Evenness(() => (this.#rolls.isUnderWay ? [] : this.slots))
  }

  /** Resolves with the exit code of the service when all generations have ended. */
  get ended(): Promise<number> {
    return this.#over.promise
  }

  /** The slots, but for those that are being given up. */
  get slots(): Slot[] {
    return [...this.#slots].filter(({ isLeaving }) => !isLeaving)
  }

  /** The slots, with those that are being given up. */
  get everySlot(): readonly Slot[] {
    return [...this.#slots]
  }

  /** How many slots the service is to have. */
  get workers(): number {
    return this.#workers
  }

  /** How far a restart of several slots has come; `null` if none is under way. */
  get roll(): RollProgress | null {
    return this.#rolls.progress
  }

  /** Generations that are alive: slot by slot, from the oldest to the newest. */
  get generations(): Generation[] {
    return [...this.#slots].flatMap((slot) => slot.generations)
  }

  /** The generation that serves in the first slot. */
  get current(): Generation | undefined {
    return this.slots[0]?.current
  }

  /** How the last restart ended, as far as this process saw it. */
  get lastRestart(): LastRestart | null {
    return this.#rolls.last ?? this.slots[0]?.lastRestart ?? null
  }

  /** Latest death of a generation that served, or was started to replace a dead one. */
  get death(): LastDeath | undefined {
    const deaths = [...this.#slots].flatMap(({ death }) => death ?? [])
    return deaths.sort((one, other) => other.endedMs - one.endedMs)[0]
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Time until the next start of a generation in place of a dead one; `null` if none is due. */
  get startingInMs(): number | null {
    const due = [...this.#slots].flatMap(({ replacement }) => replacement.startingInMs ?? [])
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
    switch (signal) {
      case 'SIGTTIN':
        this.#scaleBySignal(this.#workers + 1)
        return
      case 'SIGTTOU':
        this.#scaleBySignal(this.#workers - 1)
        return
      default:
        if (signal === 'SIGHUP' && this.#workers > 1) this.#hangUp()
        else for (const slot of this.#slots) slot.signal(signal)
    }
  }

  /** Restarts the service: all slots, one after the other. */
  async restart({ wait, ...options }: RestartRequest = {}): Promise<RestartReport> {
    const [slot] = this.slots
    const isAlone = this.#workers === 1 && slot
    const report = await (isAlone ? slot.restart(options) : this.#rolls.restart(options))
    if (wait === 'proven') await this.proven(report)
    return report
  }

  /** Settles when what a restart has started is proven; rejects if it was rolled back. */
  async proven(restart: RestartReport): Promise<void> {
    await (this.#rolls.endOf(restart) ?? this.slots[0]?.rollbacks.proven())
  }

  /** Calls `watcher` whenever one more slot has the new version. Returns how to end that. */
  watchRolls(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /** Ends the probation of the service, if there is one. */
  async prove(): Promise<void> {
    if (this.#rolls.isUnderWay) this.#rolls.prove()
    else await this.slots[0]?.rollbacks.prove()
  }

  /**
   * Makes the old version serve again, in all slots.
   *
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION`
   */
  async rollBack(reason: string): Promise<void> {
    if (this.#rolls.isUnderWay) await this.#rolls.rollBack(reason)
    else await this.slots[0]?.rollbacks.rollBack(reason)
  }

  /**
   * Changes how many workers there are, after a roll that is under way. Resolves when new ones serve, and those that
   * go have been told.
   *
   * @throws (rejects) with the reason if a new one does not serve; there are as many as before then
   */
  async scale(workers: number): Promise<void> {
    await this.#rolls.idle()
    const example = this.current
    if (!this.#launch || !example || this.#isStopping) {
      throw new EndlessError(
        'ERR_ENDLESS_NOT_RUNNING',
        'Cannot change the number of workers: the service does not serve.',
      )
    }
    const added: Slot[] = []
    this.#change(workers)
    try {
      while (this.slots.length < workers) {
        const slot = this.#add()
        added.push(slot)
        await slot.join(this.#launch, example.readyTimeoutMs)
      }
    } catch (error) {
      for (const slot of added) slot.leave()
      this.#change(this.slots.length)
      throw error
    }
    for (const slot of this.slots.slice(workers)) slot.leave()
  }

  /** Asks a generation for its status. */
  statusOf(generation: Generation): Promise<GenerationStatus> {
    const slot = this.#slotOf(generation)
    return slot ? slot.statusOf(generation) : Promise.reject(new Error('the generation has ended'))
  }

  #slotOf(generation: Generation): Slot | undefined {
    return [...this.#slots].find(({ generations }) => generations.includes(generation))
  }

  #scaleBySignal(workers: number): void {
    if (workers < 1 || workers > mostWorkers) return
    this.scale(workers).catch((error: unknown) => {
      this.#host.logger.warn(messageOf(error))
    })
  }

  #change(workers: number): void {
    this.#workers = workers
    for (const each of this.generations) void each.send({ type: 'workers', workers })
    if (workers > 1) this.#evenness.start()
    else this.#evenness.stop()
  }

  #add(): Slot {
    const slot: Slot = new Slot(
      this.#hostOf(() => slot),
      this.slots.length,
    )
    this.#slots.add(slot)
    void slot.ended.then((exitCode) => {
      this.#slots.delete(slot)
      if (this.#exitCode === 0 && !slot.isLeaving) this.#exitCode = exitCode
      if (this.#slots.size === 0) this.#over.resolve(this.#exitCode)
    })
    return slot
  }

  #hostOf(slot: () => Slot): SlotHost {
    const { pid, now, spawn, otherUserOf, terminal, metrics } = this.#host
    return {
      logger: this.#loggerOf(slot),
      pid,
      workers: () => this.#workers,
      now,
      spawn,
      otherUserOf,
      terminal,
      exchange: this.#exchange,
      shared: () => this.#sharedWith(slot()),
      restart: (options) => this.restart(options),
      serving: (generation) => {
        this.#serving(slot(), generation)
      },
      // A roll reports its own start and end.
      restarting: () => {
        if (!this.#rolls.isUnderWay) this.#host.restarting()
      },
      restartFailed: (reason) => {
        if (!this.#rolls.isUnderWay) this.#host.restartFailed(reason)
      },
      restarted: (outcome, durationMs) => {
        if (!this.#rolls.isUnderWay) this.tally.restarted(outcome, durationMs)
      },
      moved: (why) => {
        this.tally.moved(why)
      },
      counts: () => this.tally.counts,
      metrics,
      stopping: () => {
        if (slot().isLeaving) return
        if (!this.#isStopping) this.#host.stopping()
        this.#isStopping = true
      },
    }
  }

  /** Returns a logger whose lines name the slot, if there are several. */
  #loggerOf(slot: () => Slot): Logger {
    const log = (level: keyof Logger) => (message: string) => {
      const origin = this.#workers > 1 ? `slot ${String(slot().index)}: ` : ''
      this.#host.logger[level](origin + message)
    }
    return { info: log('info'), warn: log('warn'), error: log('error') }
  }

  /** Returns the sockets of the other slots, each address once: that of the first slot which has it. */
  #sharedWith(slot: Slot): KeptSocket[] {
    const shared = new Map<string, KeptSocket>()
    for (const other of this.#slots) {
      if (other === slot) continue
      for (const socket of other.sockets) {
        const address = formatAddress(socket.bound)
        if (!shared.has(address)) shared.set(address, socket)
      }
    }
    return [...shared.values()]
  }

  /** Returns the generation that gets a connection of another one. */
  #takerFor(from: Generation): Generation | undefined {
    const serving = this.slots.flatMap(({ current }) => current ?? [])
    return emptiest(serving.filter((each) => each !== from))
  }

  #serving(slot: Slot, generation: Generation): void {
    if (slot.index === 0) this.#host.serving(generation)
    if (this.#isStopping) return
    this.#fill(generation.readyTimeoutMs)
    if (this.#isHangUpDue && this.slots.every(({ current }) => current)) this.#hangUp()
  }

  /** Starts the other slots, once the first one serves. */
  #fill(readyTimeoutMs: number | undefined): void {
    if (this.#isFilled || !this.#launch) return
    this.#isFilled = true
    if (this.#workers > 1) this.#evenness.start()
    while (this.slots.length < this.#workers) {
      // It is tried again, and its slot says why.
      this.#add()
        .join(this.#launch, readyTimeoutMs)
        .catch(() => undefined)
    }
  }

  #hangUp(): void {
    this.#isHangUpDue = false
    if (this.#host.terminal() === 'gone') {
      this.#host.logger.info('the terminal was closed')
      this.signal('SIGINT')
    } else if (this.slots.some(({ current }) => current)) {
      // The log tells how this restart ends.
      this.restart().catch(() => undefined)
    } else this.#isHangUpDue = true
  }
}
