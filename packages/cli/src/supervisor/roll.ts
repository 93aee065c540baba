import {
  deferred,
  durationOf,
  EndlessError,
  messageOf,
  type RestartOptions,
  type RestartReport,
  type RollProgress,
  within,
} from '@endless/core/for-cli'
import { notOnProbation } from './rollbacks.js'
import type { Slot } from './slot.js'
import type { SlotHost } from './slot-host.js'

/** What a {@link Roll} needs from the supervisor. */
interface RollHost extends Pick<SlotHost, 'logger' | 'now'> {
  /** Called when one more slot has the new version. */
  progressed(): void
}

/** A slot that has the new version, and what its restart reported. */
interface Rolled {
  slot: Slot
  report: RestartReport
  /** Settles when its new generation is proven, or it is known why the slot has lost that. */
  watched: Promise<void>
}

/**
 * One restart of all slots: the first alone, since a bad version should fail there, and then the others, when a
 * probation of the first has passed. All predecessors stay behind until all slots have the new version: if one
 * fails, those before it go back to the old version. See docs/decisions.md, "A roll ends with one version"
 */
export class Roll {
  /** Number that the new generation of the first slot gets. */
  readonly number: number
  readonly #host: RollHost
  readonly #slots: readonly Slot[]
  readonly #parallel: number
  readonly #options: RestartOptions
  /** What served in each slot when the roll began. */
  readonly #old: ReadonlyMap<Slot, number | undefined>
  readonly #beganMs: number
  /** How long the first slot is on probation, in ms; negative: until that is ended. */
  readonly #probationMs: number
  readonly #rolled: Rolled[] = []
  readonly #report = deferred<RestartReport>()
  readonly #ended = deferred()
  readonly #lost = deferred()
  readonly #proven = deferred()
  /** Which slots could not go back, and why. */
  readonly #kept: string[] = []
  #isOnProbation = false
  #loss: EndlessError | undefined

  constructor(
    host: RollHost,
    slots: readonly Slot[],
    { parallel = 1, ...options }: RestartOptions,
  ) {
    this.#host = host
    this.#slots = slots
    this.#parallel = parallel
    this.#options = options
    this.#old = new Map(slots.map((slot) => [slot, slot.current?.pid]))
    this.#beganMs = host.now()
    this.#probationMs = options.probationMs ?? slots[0]?.current?.probationMs ?? 0
    this.number = (slots[0]?.current?.number ?? -1) + 1
    // Either may reject before anybody awaits it.
    this.#report.promise.catch(() => undefined)
    this.#ended.promise.catch(() => undefined)
  }

  /**
   * Resolves with the report of the first slot when all have the new version, or before, when the first is on
   * probation.
   *
   * @throws (rejects) as {@link ended}
   */
  get report(): Promise<RestartReport> {
    return this.#report.promise
  }

  /**
   * Resolves when all slots have the new version, for good.
   *
   * @throws (rejects) with the reason of the first slot that failed, once all have the old version again
   */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Which slots have the new version, the last one at the end, and how many there are. */
  get progress(): RollProgress {
    return { done: this.#rolled.map(({ slot }) => slot.index), of: this.#slots.length }
  }

  /** Begins the roll. */
  async begin(): Promise<void> {
    const { logger } = this.#host
    logger.info(
      `restarting ${String(this.#slots.length)} workers, ` +
        (this.#parallel > 1
          ? `${String(this.#parallel)} at a time after the first`
          : 'one after the other'),
    )
    try {
      const [first, ...others] = this.#slots
      if (!first) throw new Error('a service has a slot')
      await this.#advance(first)
      await this.#tryOut(first)
      await this.#inLanes(others)
    } catch (error) {
      this.#loss ??= error as EndlessError
      await this.#goBack()
      this.#report.reject(error)
      this.#ended.reject(error)
      return
    }
    // A generation that has died since has been replaced by the new version, or by its predecessor, as ever.
    await Promise.allSettled(this.#rolled.map(({ slot }) => slot.rollbacks.prove()))
    logger.info(
      `restarted ${String(this.#rolled.length)} workers after ${durationOf(this.#elapsedMs)}`,
    )
    const [first] = this.#rolled
    if (!first) throw new Error('a service has a slot')
    const { number, pid } = first.report
    const dropped = [...new Set(this.#rolled.flatMap(({ report }) => report.dropped))]
    this.#report.resolve({ number, pid, durationMs: this.#elapsedMs, dropped })
    this.#ended.resolve()
  }

  /** Ends the probation of the first slot, if that is on probation: the others follow now. */
  prove(): void {
    if (this.#isOnProbation) this.#proven.resolve()
  }

  /**
   * Brings all slots back to the old version. Settles when they have it.
   *
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION` if none has the new one
   * @throws (rejects) `ERR_ENDLESS_REQUEST_FAILED` if one keeps the new one
   */
  async rollBack(reason: string): Promise<void> {
    const guarded = this.#rolled.find(({ slot }) => slot.rollbacks.isOnProbation)
    if (!guarded) throw notOnProbation()
    await guarded.slot.rollbacks.rollBack(reason)
    await this.#ended.promise.catch(() => undefined)
    if (this.#kept.length > 0) {
      throw new EndlessError(
        'ERR_ENDLESS_REQUEST_FAILED',
        `Not rolled back: ${this.#kept.join('; ')}.`,
      )
    }
  }

  get #elapsedMs(): number {
    return Math.round(this.#host.now() - this.#beganMs)
  }

  /** Restarts slots, as many at a time as was asked for. Settles when none is under way any more. */
  async #inLanes(slots: Slot[]): Promise<void> {
    const due = [...slots]
    const lane = async (): Promise<void> => {
      try {
        for (let slot = due.shift(); slot; slot = due.shift()) await this.#advance(slot)
      } catch (error) {
        // A failure leaves none to the other lanes.
        due.length = 0
        throw error
      }
    }
    const lanes = Array.from({ length: Math.min(this.#parallel, due.length) }, lane)
    const ends = await Promise.allSettled(lanes)
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** Brings a slot to the new version. */
  async #advance(slot: Slot): Promise<void> {
    const { maxErrors, ...others } = this.#options
    // A plain restart does not end a version that is blocked for a while.
    if (this.#probationMs === 0) others.maxBlockedMs ??= 0
    // The errors of the first slot decide: to count those of a predecessor takes time.
    const options =
      this.#rolled.length === 0 && this.#probationMs !== 0 ? { ...others, maxErrors } : others
    // One of those before may lose it meanwhile: then this one must not get it.
    void this.#lost.promise.then(() => {
      slot.endSuccessor()
    })
    try {
      const report = await slot.restart({ ...options, probationMs: untilToldMs }, this.#beganMs)
      this.#rolled.push({ slot, report, watched: this.#watch(slot, report) })
      this.#host.progressed()
    } catch (error) {
      throw this.#loss ?? inSlot(slot, error)
    }
    await this.#mustHold()
  }

  /** Notes if a slot loses the new version, by its death or because it is rolled back. */
  async #watch(slot: Slot, { number, pid }: RestartReport): Promise<void> {
    try {
      if (slot.current?.pid === pid) await slot.rollbacks.kept(number)
      else throw gone(pid)
    } catch (error) {
      if (this.#loss) return
      this.#loss = slot.isStopping ? stopped() : inSlot(slot, error)
      this.#lost.resolve()
    }
  }

  /** @throws if a slot has lost the new version */
  async #mustHold(): Promise<void> {
    const doubtful = this.#rolled.filter(({ slot, report }) => slot.current?.pid !== report.pid)
    await Promise.all(doubtful.map(({ watched }) => watched))
    if (this.#loss) throw this.#loss
  }

  /** Waits for the probation of the first slot, if there is one. */
  async #tryOut(slot: Slot): Promise<void> {
    const [first] = this.#rolled
    const probationMs = this.#probationMs
    if (probationMs === 0 || !first) return
    const time = probationMs < 0 ? '' : ` for ${durationOf(probationMs)}`
    this.#host.logger.info(
      `slot ${String(slot.index)} is on probation${time}; the other workers follow`,
    )
    this.#isOnProbation = true
    this.#report.resolve({ ...first.report, probationMs })
    // If its old process dies, it cannot go back any more, and the others wait all the same.
    const over = Promise.race([this.#proven.promise, this.#lost.promise])
    await (probationMs < 0 ? over : within(over, probationMs))
    this.#isOnProbation = false
    await this.#mustHold()
    if (slot.current?.pid !== first.report.pid) throw inSlot(slot, gone(first.report.pid))
  }

  /**
   * Makes the old version serve again in each slot that has the new one. A worker whose old process has died meanwhile
   * has been replaced by what is on the disk, and cannot go back.
   * See docs/decisions.md, "A worker that dies in a roll is replaced at once"
   */
  async #goBack(): Promise<void> {
    const failures = new Map<Slot, string>()
    await Promise.all(
      this.#rolled.map(async ({ slot, report }) => {
        if (slot.isStopping || slot.current?.pid !== report.pid) return
        if (!slot.rollbacks.isOnProbation) return
        try {
          await slot.rollbacks.rollBack('the restart of another worker failed')
        } catch (error) {
          failures.set(slot, messageOf(error))
          // Nobody else ends its probation, for which the next restart would wait.
          await slot.rollbacks.prove().catch(() => undefined)
        }
      }),
    )
    for (const [slot, pid] of this.#old) {
      if (slot.isStopping || slot.current?.pid === pid) continue
      const why = failures.get(slot) ?? 'its old process has died meanwhile'
      const kept = `slot ${String(slot.index)} keeps the new version: ${why}`
      this.#kept.push(kept)
      this.#host.logger.error(kept)
    }
  }
}

/** The probation of a generation in a roll: until it is told that it has ended. */
const untilToldMs = -1

function gone(pid: number): EndlessError {
  const message = `the new version (pid ${String(pid)}) does not serve any more.`
  return new EndlessError('ERR_ENDLESS_ROLLED_BACK', message, { pid })
}

function stopped(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SHUTTING_DOWN',
    'The restart was stopped: the service shuts down.',
  )
}

/** Returns the error of a slot as that of the service. */
function inSlot(slot: Slot, error: unknown): EndlessError {
  const { code, pid, exitCode, signal, stderr } = error as Partial<EndlessError>
  return new EndlessError(
    code ?? 'ERR_ENDLESS_REQUEST_FAILED',
    `slot ${String(slot.index)}: ${messageOf(error)}`,
    { cause: error, pid, exitCode, signal, stderr },
  )
}
