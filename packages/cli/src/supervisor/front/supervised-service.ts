import {
  atStart,
  EndlessError,
  generationName,
  type GenerationStatus,
  type LastRestart,
  late,
  type ListedGeneration,
  type RestartOptions,
  type RestartReport,
  type Service,
  type ServiceStatus,
  type System,
  within,
} from '@endless/core/for-cli'
import { serviceMetrics } from '@endless/core/for-cli-later'
import type { Generation } from '../generation.js'
import { latest, type Supervisor } from '../supervisor.js'

// What the control socket offers under a supervisor.

/** How long a generation may take to report its status. */
const answerMs = 1_000

/** What a service is called, and the directory in which commands find it. */
interface Identity {
  name(): string | null
  directory: string
}

/** {@link Service} that a supervisor offers over its control socket. */
export class SupervisedService implements Service {
  readonly #supervisor: Supervisor
  readonly #system: System
  readonly #identity: Identity
  readonly #startedMs: number
  /** Open questions for the status of a generation: it is not asked again until it answers. */
  readonly #asked = new WeakMap<Generation, Promise<GenerationStatus | undefined>>()
  /** Metrics that are being collected. Requests that come meanwhile share them. */
  #metrics: Promise<string> | undefined
  readonly #drains = new Set<{ number: number; reject: (error: Error) => void }>()

  constructor(supervisor: Supervisor, system: System, identity: Identity) {
    this.#supervisor = supervisor
    this.#system = system
    this.#identity = identity
    this.#startedMs = system.now()
  }

  hasMoved(): Promise<boolean> {
    return Promise.resolve(false)
  }

  async status(): Promise<ServiceStatus> {
    const { current, slots, workers } = this.#supervisor
    const { death, startingInMs } = slots
    const listed = slots.every.flatMap(({ index, generations }) =>
      generations.map((each) => ({ slot: index, each })),
    )
    const told = await Promise.all(
      listed.map(async ({ slot, each }) => ({ each, ...(await this.#tell(slot, each)) })),
    )
    const { pid } = this.#system
    // One of several workers knows of its own slot alone.
    const teller = workers === 1 ? told.find(({ each }) => each === current) : undefined
    const reported = askedFor(teller?.lastRestart)
    return {
      pid,
      supervisor: {
        pid,
        name: this.#identity.name(),
        directory: this.#identity.directory,
        uptimeMs: this.#sinceMs(this.#startedMs),
        memoryBytes: this.#system.memoryBytes(),
        workers,
        evenedOut: this.#supervisor.tally.counts.moved.balance,
        roll: this.#supervisor.roll,
      },
      generations: told.map(({ listed }) => listed),
      startingInMs,
      // After a roll of several workers, the one that is left tells of its own part in that.
      lastRestart: latest(this.#supervisor.lastRestart, reported),
      lastDeath: death
        ? {
            number: death.number,
            pid: death.pid,
            agoMs: this.#sinceMs(death.endedMs),
            inARow: death.inARow,
            code: death.code,
            signal: death.signal,
            error: death.error ?? null,
            stderr: death.stderr,
          }
        : null,
    }
  }

  metrics(): Promise<string> {
    return (this.#metrics ??= this.#collectMetrics().finally(() => (this.#metrics = undefined)))
  }

  restart(
    _hasWaited: boolean,
    options: RestartOptions,
    progress: () => void,
  ): Promise<RestartReport> {
    return this.#supervisor.restart(options, progress)
  }

  proven(restart: RestartReport): Promise<void> {
    return this.#supervisor.proven(restart)
  }

  prove(): Promise<void> {
    return this.#supervisor.prove()
  }

  rollback(reason: string): Promise<void> {
    return this.#supervisor.rollBack(reason)
  }

  async drained(restart: RestartReport): Promise<boolean> {
    const { number } = restart
    await this.#supervisor.proven(restart)
    const older = this.#supervisor.slots.staying.flatMap((slot) => slot.older)
    await new Promise<void>((resolve, reject) => {
      const drain = { number, reject }
      this.#drains.add(drain)
      void Promise.all(older.map((each) => each.ended)).then(() => {
        this.#drains.delete(drain)
        resolve()
      })
    })
    return false
  }

  async stop(): Promise<boolean> {
    this.#supervisor.signal('SIGTERM')
    await this.#supervisor.ended
    return true
  }

  scale(workers: number): Promise<void> {
    return this.#supervisor.scale(workers)
  }

  async hammer(): Promise<number[]> {
    const { slots, isStopping } = this.#supervisor
    const draining = slots.every.flatMap(({ generations, current }) =>
      generations.filter(
        (each) => each.isReady && (isStopping || each.hasLeft || each !== current),
      ),
    )
    this.#supervisor.signal('SIGUSR2')
    return draining.map(({ number }) => number)
  }

  async #collectMetrics(): Promise<string> {
    return serviceMetrics(await this.status(), this.#supervisor.tally.counts)
  }

  /** Rejects the waits for the end of older generations if one of these serves again. */
  serving(generation: Generation): void {
    for (const { number, reject } of this.#drains) {
      if (generation.number >= number) continue
      reject(
        new EndlessError(
          'ERR_ENDLESS_SUCCESSOR_EXITED',
          `Generation ${String(number)} died after it had taken over. ` +
            `${atStart(generationName(generation))} serves again.`,
        ),
      )
    }
  }

  async #tell(
    slot: number,
    generation: Generation,
  ): Promise<{ listed: ListedGeneration; lastRestart: GenerationStatus['lastRestart'] }> {
    const { number, pid, isReady, startedMs, load } = generation
    const seen = {
      slot,
      utilization: load?.utilization,
      number,
      pid,
      state: 'booting' as const,
      uptimeMs: this.#sinceMs(startedMs),
      memoryBytes: null,
      servers: [],
    }
    if (!isReady) return { listed: seen, lastRestart: null }
    const told = await this.#ask(generation)
    if (!told) return { listed: { ...seen, state: 'unresponsive' }, lastRestart: null }
    const { lastRestart, ...listed } = told
    return { listed: { ...seen, ...listed, number, pid }, lastRestart }
  }

  /** Resolves with the status of a generation; `undefined` if it takes too long or is gone. */
  async #ask(generation: Generation): Promise<GenerationStatus | undefined> {
    const forget = (): void => void this.#asked.delete(generation)
    let answer = this.#asked.get(generation)
    if (!answer) {
      answer = this.#supervisor.statusOf(generation).catch(() => undefined)
      this.#asked.set(generation, answer)
      void answer.then(forget)
    }
    const told = await within(answer, answerMs)
    return told === late ? undefined : told
  }

  #sinceMs(momentMs: number): number {
    return Math.round(this.#system.now() - momentMs)
  }
}

/**
 * Returns the last restart as the serving generation reports it, unless that generation replaced a dead
 * one: then its report is about its own start, which no restart caused and which has no duration.
 */
function askedFor(told: LastRestart | null | undefined): LastRestart | undefined {
  return told && (told.outcome === 'failed' || told.durationMs !== null) ? told : undefined
}
