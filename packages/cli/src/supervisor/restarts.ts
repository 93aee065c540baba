import {
  EndlessError,
  type LastRestart,
  RestartRecord,
  type Takeover,
  type RestartOptions,
  type RestartReport,
  within,
} from '@endless/core/for-cli'
import type { Chain } from './chain.js'
import { type Death, failureOf } from './death.js'
import type { Generation } from './generation.js'
import type { Questions } from './questions.js'
import type { Replacement } from './replacement.js'
import { diedOnProbation, rolledBack, type Rollbacks } from './rollbacks.js'
import type { Succession } from './succession.js'
import type { SlotHost } from './slot-host.js'

// The restarts of one slot.

/** How long a generation may take to answer before it is told to restart. */
const heardMs = 5_000

/** How long a successor may take to report that it serves, once it is told to. */
const servingMs = 5_000

/** Parts of the supervisor that {@link Restarts} needs. */
interface RestartsParts {
  readonly host: SlotHost
  readonly chain: Chain
  readonly questions: Questions
  readonly succession: Succession
  readonly replacement: Replacement
  readonly rollbacks: Rollbacks
}

/** Which generation serves after a death; with a report, if it was started as the replacement. */
interface Resumption {
  generation: Generation
  report: RestartReport | undefined
}

/**
 * Restarts a slot, and remembers how the last restart ended, even when the generations that took part
 * in it are gone. See docs/decisions.md, "While nothing serves, a restart is the replacement"
 */
export class Restarts {
  readonly #host: SlotHost
  readonly #chain: Chain
  readonly #questions: Questions
  readonly #succession: Succession
  readonly #replacement: Replacement
  readonly #rollbacks: Rollbacks
  readonly #ofService: RestartRecord
  readonly #ofSlot: RestartRecord
  /** Restarts that follow when a generation handed over before it could: by what was asked for, one for all. */
  readonly #again = new WeakMap<Generation, Map<string, Promise<RestartReport>>>()
  /** What the restart of a generation has brought: its own report is lost if it dies before it gives that. */
  readonly #handedOver = new WeakMap<Generation, RestartReport>()
  /** Replacement of a dead generation; shared by all restarts that are requested in the meantime. */
  #resumption: Promise<Resumption> | undefined

  constructor({ host, chain, questions, succession, replacement, rollbacks }: RestartsParts) {
    this.#host = host
    this.#chain = chain
    this.#questions = questions
    this.#succession = succession
    this.#replacement = replacement
    this.#rollbacks = rollbacks
    this.#ofService = new RestartRecord(host, host)
    this.#ofSlot = new RestartRecord(host, host)
  }

  /** Where a restart of this slot is noted: as one of the service, or of one of several slots, which is only counted. */
  get #record(): RestartRecord {
    return this.#host.workers() === 1 ? this.#ofService : this.#ofSlot
  }

  /** How the last restart of the service ended, as far as this process saw it. */
  get last(): LastRestart | null {
    return this.#ofService.last
  }

  /**
   * Restarts the slot; resolves when the successor has taken over. Waits for the end of a probation first:
   * whichever generation serves then restarts. While nothing serves, starts the
   * replacement of the dead generation at once, and waits for it.
   *
   * @param askedMs when it was asked for: what was started before may have loaded the old version
   * @throws (rejects) with the reason if the old generation keeps serving, or still nothing serves
   */
  async restart(options: RestartOptions, askedMs = this.#host.now()): Promise<RestartReport> {
    const asked = this.#chain.current
    try {
      return await this.#restart(options, askedMs)
    } catch (error) {
      const { current } = this.#chain
      if (!asked || current === asked || this.#succession.isStopping) throw error
      // It has died, and what replaces it is started from what is on the disk, as its successor would have been.
      if (!current && asked.hasEnded) return this.#resume(options, askedMs)
      const report = this.#lostReport(asked, options, askedMs)
      if (report) return report
      // The request waited for another restart, in which the generation handed over: its successor restarts.
      const isOver =
        (error as { code?: unknown }).code === 'ERR_ENDLESS_SHUTTING_DOWN' || asked.hasEnded
      if (!isOver || !current) throw error
      return this.#restartAgain(asked, options, askedMs)
    }
  }

  /** Returns the report of a generation that has died before it could give it, if the restart was what was asked for. */
  #lostReport(
    asked: Generation,
    { probationMs = 0 }: RestartOptions,
    askedMs: number,
  ): RestartReport | undefined {
    const { current } = this.#chain
    const report = this.#handedOver.get(asked)
    const isAsked = asked.hasEnded && report !== undefined && report.pid === current?.pid
    if (!isAsked || current.startedMs < askedMs) return undefined
    return probationMs === 0 || report.probationMs !== undefined ? report : undefined
  }

  /** One restart serves all requests that waited together and ask for the same. */
  #restartAgain(
    asked: Generation,
    options: RestartOptions,
    askedMs: number,
  ): Promise<RestartReport> {
    const following = this.#again.get(asked) ?? new Map<string, Promise<RestartReport>>()
    this.#again.set(asked, following)
    const key = JSON.stringify(options)
    const again = following.get(key) ?? this.restart(options, askedMs)
    following.set(key, again)
    return again
  }

  async #restart(options: RestartOptions, askedMs: number): Promise<RestartReport> {
    const { current, last } = this.#chain
    if (this.#succession.isStopping || (last?.hasLeft && this.#host.workers() === 1)) {
      throw new EndlessError(
        'ERR_ENDLESS_SHUTTING_DOWN',
        'Cannot restart: the service is shutting down.',
      )
    }
    if (!current) return this.#resume(options, askedMs)
    if (this.#rollbacks.isOnProbation) {
      await this.#rollbacks.untilOver()
      return this.restart(options, askedMs)
    }
    // A blocked generation would act on the order once it recovers, after the command has failed.
    // See docs/decisions.md, "A generation must answer before it is told to restart"
    await this.#questions.ask(current, { what: 'status' }, heardMs)
    const report = (await this.#questions.ask(current, {
      ...options,
      what: 'restart',
    })) as RestartReport
    await this.#untilServing(report)
    return report
  }

  /**
   * Waits until the successor that was told to take over serves: the client that asked for the restart looks
   * at the service next.
   *
   * @throws (rejects) if it ends before, or is rolled back
   */
  async #untilServing({ pid }: RestartReport): Promise<void> {
    const successor = this.#chain.living.find((generation) => generation.pid === pid)
    if (!successor) return
    const lost = successor.ended.then((death) => {
      throw failureOf(successor, death)
    })
    lost.catch(() => undefined) // it may end long after
    const { serving, probation } = successor
    const over = probation ? [probation.over] : []
    await within(Promise.race([serving.promise, lost, ...over]), servingMs)
    if (successor.rolledBackBy) throw await this.#rollbacks.errorOf(successor.rolledBackBy)
  }

  /** Records that a successor is told to accept. */
  takenOver(successor: Generation, takeover: Takeover): void {
    const { number, pid, predecessor } = successor
    const { afterMs: durationMs, dropped = [], probationMs = 0 } = takeover
    this.#record.takenOver({ number, pid, durationMs, dropped: takeover.dropped })
    // Without a duration, no restart has brought it.
    if (!predecessor || durationMs === undefined) return
    const report = { number, pid, durationMs, dropped }
    this.#handedOver.set(predecessor, probationMs === 0 ? report : { ...report, probationMs })
  }

  /** Records that a generation is rolled back. */
  rolledBack({ number, pid, startedMs }: Generation, reason: string): void {
    this.#record.failed(number, rolledBack(reason, pid), this.#host.now() - startedMs)
    this.#host.restartFailed(reason)
  }

  /** Records the end of a generation: a restart has failed if it never served, or was on probation. */
  ended(generation: Generation, death: Death): void {
    const { isRestart, servingSinceMs, number, startedMs, probation, hasLeft } = generation
    const afterMs = this.#host.now() - startedMs
    if (!isRestart || this.#succession.isStopping) return
    if (servingSinceMs === undefined) {
      this.#record.failed(number, failureOf(generation, death), afterMs)
    } else if (probation?.isUnderWay && !hasLeft) {
      this.#record.failed(number, diedOnProbation(generation, death), afterMs)
    }
  }

  /** Replaces the dead generation at once; if a replacement boots already, restarts that as soon as it serves. */
  async #resume(options: RestartOptions, askedMs: number): Promise<RestartReport> {
    const dead = this.#chain.last
    if (!dead) {
      const pids = this.#chain.living.map(({ pid }) => String(pid)).join()
      throw new EndlessError(
        'ERR_ENDLESS_NOT_RUNNING',
        `Cannot restart: the service (pid ${pids}) is being started, and has not served yet. ` +
          'Wait until it does. If it never listens on a fixed port or path, it cannot be restarted: ' +
          'stop it and start it again.',
      )
    }
    this.#resumption ??= this.#replace(dead).finally(() => (this.#resumption = undefined))
    const { generation, report } = await this.#resumption
    // It had begun to load what was on the disk before, or a predecessor serves again.
    if (!report || generation.startedMs < askedMs) return this.restart(options, askedMs)
    return report
  }

  async #replace(dead: Generation): Promise<Resumption> {
    const beganMs = this.#host.now()
    this.#host.restarting()
    let generation: Generation
    try {
      generation = await this.#replacement.hasten()
    } catch (error) {
      if (!this.#succession.isStopping) {
        this.#record.failed(dead.number + 1, error as EndlessError, this.#host.now() - beganMs)
        this.#host.restartFailed((error as EndlessError).message)
      }
      throw error
    }
    if (generation.number <= dead.number) return { generation, report: undefined }
    const { number, pid } = generation
    const durationMs = Math.round(this.#host.now() - beganMs)
    const report = { number, pid, durationMs, dropped: [] }
    this.#record.takenOver(report)
    return { generation, report }
  }
}
