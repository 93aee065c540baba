import {
  deferred,
  type GenerationStatus,
  type LastRestart,
  type Logger,
  type PassedListener,
  type RestartReport,
  type RestartRequest,
  type RollProgress,
  type SpawnRequest,
  Tally,
} from '@endless/core/for-cli'
import { crowdNotice } from './crowd.js'
import { emptiest, Evenness } from './evenness.js'
import { Exchange } from './exchange.js'
import type { Generation } from './generation.js'
import { Recycling } from './recycling.js'
import { Roll } from './roll.js'
import { Rolls } from './rolls.js'
import { Scaling } from './scaling.js'
import { type SupervisorSettings } from './settings.js'
import { SharedTicketKeys } from './shared-ticket-keys.js'
import { Slot, type SlotSignal } from './slot.js'
import type { SlotHost } from './slot-host.js'
import { Slots } from './slots.js'
import { Turns } from './turns.js'

export type SupervisorSignal = SlotSignal | 'SIGTTIN' | 'SIGTTOU'

/** What a {@link Supervisor} needs from its surroundings: the process, and calls when its state changes. */
export type SupervisorHost = Omit<
  SlotHost,
  | 'workers'
  | 'maxBlockedMs'
  | 'shared'
  | 'exchange'
  | 'ticketKeys'
  | 'restart'
  | 'restarted'
  | 'moved'
  | 'counts'
  | 'dyingAlike'
>

/**
 * Parent of all generations of a service. It runs no code of the application. The service has one slot for each
 * of its workers. See docs/decisions.md, "Workers accept on one shared socket"
 */
export class Supervisor {
  readonly slots = new Slots()
  /** What the service has counted. See docs/decisions.md, "Sums go from process to process" */
  readonly tally = new Tally()
  readonly #host: SupervisorHost
  readonly #settings: SupervisorSettings
  readonly #turns = new Turns()
  readonly #rolls: Rolls
  readonly #scaling: Scaling
  readonly #exchange = new Exchange(
    (from) => this.#takerFor(from),
    (from) => {
      this.tally.moved(this.slots.of(from)?.isLeaving ? 'scale' : 'balance')
    },
  )
  readonly #ticketKeys = new SharedTicketKeys(() => this.slots.serving)
  readonly #evenness: Evenness
  readonly #recycling: Recycling
  readonly #over = deferred<number>()
  #workers: number
  #launch: SpawnRequest | undefined
  /** Exit code of the first slot that ended badly. */
  #exitCode = 0
  #isStopping = false
  #isFilled = false
  #isHangUpDue = false

  constructor(host: SupervisorHost, settings: SupervisorSettings) {
    this.#host = host
    this.#settings = settings
    this.#workers = settings.workers
    const { slots } = this
    const turns = this.#turns
    const { parallel } = settings
    const restarted: SlotHost['restarted'] = (outcome, durationMs) => {
      this.tally.restarted(outcome, durationMs)
    }
    this.#rolls = new Rolls({ ...host, restarted }, turns, (options, progressed) => {
      const given = options.parallel === undefined ? { ...options, parallel } : options
      return new Roll({ ...host, progressed }, slots.staying, given)
    })
    this.#scaling = new Scaling({
      logger: host.logger,
      slots,
      turns,
      workers: () => this.#workers,
      launch: () => (this.#isStopping ? undefined : this.#launch),
      add: () => this.#add(),
      changed: (workers) => {
        this.#change(workers)
      },
    })
    // A restart moves connections itself.
    this.#evenness = new Evenness(() => (this.#rolls.isUnderWay ? [] : slots.staying))
    this.#recycling = new Recycling(
      {
        turns,
        now: host.now,
        loggerOf: (slot) => this.#loggerOf(() => slot),
        slots: () => slots.staying,
      },
      settings,
    )
  }

  /** Resolves with the exit code of the service when all generations have ended. */
  get ended(): Promise<number> {
    return this.#over.promise
  }

  /** How many slots the service is to have. */
  get workers(): number {
    return this.#workers
  }

  /** How far a restart of several slots has come; `null` if none is under way. */
  get roll(): RollProgress | null {
    return this.#rolls.progress
  }

  /** The generation that serves in the first slot. */
  get current(): Generation | undefined {
    return this.slots.first?.current
  }

  /** How the last restart of the service ended, as far as this process saw it. */
  get lastRestart(): LastRestart | null {
    return latest(this.#rolls.last, this.slots.first?.lastRestart)
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /**
   * Starts the service: its first slot, and when that serves the others.
   *
   * @param listeners sockets that a service manager bound for it
   */
  start(launch: SpawnRequest, listeners: PassedListener[] = []): void {
    this.#launch = launch
    this.#warnOfCrowd()
    this.#add().start(launch, listeners)
    this.#recycling.start()
  }

  signal(signal: SupervisorSignal): void {
    switch (signal) {
      case 'SIGTTIN':
        void this.#scaling.by(1)
        return
      case 'SIGTTOU':
        void this.#scaling.by(-1)
        return
      default:
        if (signal === 'SIGHUP' && this.#workers > 1) this.#hangUp()
        else for (const slot of this.slots.every) slot.signal(signal)
    }
  }

  /**
   * Restarts the service: all slots, one after the other.
   *
   * @param progressed called when one more of several slots has the new version
   */
  async restart(
    { wait, ...options }: RestartRequest = {},
    progressed?: () => void,
  ): Promise<RestartReport> {
    const { first } = this.slots
    const isAlone = this.#workers === 1 && first
    const report = await (isAlone
      ? first.restart(options)
      : this.#rolls.restart(options, progressed))
    if (wait === 'proven') await this.proven(report)
    return report
  }

  /** Settles when what a restart has started is proven; rejects if it was rolled back. */
  async proven(restart: RestartReport): Promise<void> {
    await (this.#rolls.endOf(restart) ?? this.slots.first?.rollbacks.proven(restart.number))
  }

  /** Ends the probation of the service, if there is one. */
  async prove(): Promise<void> {
    if (this.#rolls.isUnderWay) this.#rolls.prove()
    else for (const slot of this.slots.staying) await slot.rollbacks.prove()
  }

  /**
   * Makes the old version serve again, in all slots.
   *
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION`
   */
  async rollBack(reason: string): Promise<void> {
    if (this.#rolls.isUnderWay) await this.#rolls.rollBack(reason)
    else await this.slots.first?.rollbacks.rollBack(reason)
  }

  /** Changes how many workers there are, as {@link Scaling.to} does. */
  scale(workers: number): Promise<void> {
    return this.#scaling.to(workers)
  }

  /** Asks a generation for its status. */
  statusOf(generation: Generation): Promise<GenerationStatus> {
    const slot = this.slots.of(generation)
    return slot ? slot.statusOf(generation) : Promise.reject(new Error('the generation has ended'))
  }

  #change(workers: number): void {
    this.#workers = workers
    this.#warnOfCrowd()
    for (const each of this.slots.generations) void each.send({ type: 'workers', workers })
    this.#even()
  }

  #even(): void {
    if (this.#workers > 1 && this.#settings.balance) this.#evenness.start()
    else this.#evenness.stop()
  }

  #warnOfCrowd(): void {
    const notice = crowdNotice(this.#workers)
    if (notice !== undefined) this.#host.logger.warn(notice)
  }

  #add(): Slot {
    const slot: Slot = new Slot(
      this.#hostOf(() => slot),
      this.slots.staying.length,
    )
    this.slots.add(slot)
    void slot.ended.then((exitCode) => {
      this.slots.delete(slot)
      if (this.#exitCode === 0 && !slot.isLeaving) this.#exitCode = exitCode
      if (this.slots.areGone) this.#over.resolve(this.#exitCode)
    })
    return slot
  }

  #hostOf(slot: () => Slot): SlotHost {
    const { pid, now, spawn, otherUserOf, terminal, metrics } = this.#host
    return {
      logger: this.#loggerOf(slot),
      pid,
      workers: () => this.#workers,
      maxBlockedMs: this.#settings.maxBlockedMs,
      now,
      spawn,
      otherUserOf,
      terminal,
      exchange: this.#exchange,
      ticketKeys: this.#ticketKeys,
      shared: () => this.slots.sharedWith(slot()),
      dyingAlike: () => this.slots.dyingLike(slot()),
      restart: (options) => this.restart(options),
      serving: (generation) => {
        this.#serving(slot(), generation)
      },
      // A roll reports its own start and end, and the restart of one worker is none of the service.
      restarting: () => {
        if (this.#workers === 1) this.#host.restarting()
      },
      restartFailed: (reason) => {
        if (this.#workers === 1) this.#host.restartFailed(reason)
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

  /** Returns the generation that gets a connection of another one. */
  #takerFor(from: Generation): Generation | undefined {
    return emptiest(
      this.slots.serving.filter((each) => each !== from && this.#evenness.isAwake(each)),
    )
  }

  #serving(slot: Slot, generation: Generation): void {
    if (slot.index === 0) this.#host.serving(generation)
    if (this.#isStopping) return
    this.#fill(generation.readyTimeoutMs)
    if (this.#isHangUpDue && this.slots.staying.every(({ current }) => current)) this.#hangUp()
  }

  /** Starts the other slots, once the first one serves. */
  #fill(readyTimeoutMs: number | undefined): void {
    if (this.#isFilled || !this.#launch) return
    this.#isFilled = true
    this.#even()
    while (this.slots.staying.length < this.#workers) {
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
    } else if (this.slots.serving.length > 0) {
      // The log tells how this restart ends.
      this.restart().catch(() => undefined)
    } else this.#isHangUpDue = true
  }
}

/** Returns the restart that ended later. */
export function latest(
  one: LastRestart | null | undefined,
  other: LastRestart | null | undefined,
): LastRestart | null {
  if (!one || !other) return one ?? other ?? null
  return other.agoMs < one.agoMs ? other : one
}
