import { generationName, late, type Logger, messageOf, within } from '@endless/core/for-cli'
import { formatAge, formatBytes } from './amounts.js'
import type { Generation } from './generation.js'
import type { SupervisorSettings } from './settings.js'
import type { Slot } from './slot.js'
import type { Turns } from './turns.js'

// Restarts workers that have become too large or too old.

/** How often the workers are looked at. */
const everyMs = 2_000
/** How long a worker may take to say how large it is. */
const answerMs = 5_000
/** The time between two restarts, at least. */
const apartMs = 60_000
/** What a worker takes so soon after its start is what its program needs. */
const startMs = 60_000

/** What {@link Recycling} needs from the supervisor. */
interface RecyclingHost {
  readonly turns: Turns
  now(): number
  /** Returns a logger whose lines name the slot. */
  loggerOf(slot: Slot): Logger
  /** Returns the slots whose workers are looked at. */
  slots(): readonly Slot[]
}

/** Why a worker is restarted: `takes 530 MB of memory, more than 512 MB`. */
type Reason = string

/**
 * Restarts a worker beyond a limit, as a restart of its slot alone: one at a time, and at least a minute apart.
 * See docs/decisions.md, "A worker that is too large from its start is left alone"
 */
export class Recycling {
  readonly #host: RecyclingHost
  readonly #maxMemoryBytes: number
  readonly #maxAgeMs: number
  /** Generations that have been seen below the limit of memory. */
  readonly #small = new WeakSet<Generation>()
  /** Generations that take more than the limit from their start. */
  readonly #large = new WeakSet<Generation>()
  /** Slots that were restarted for the memory of their worker. */
  readonly #forMemory = new WeakSet<Slot>()
  /** Generations that have not answered yet: they are not asked again until they do. */
  readonly #asked = new WeakSet<Generation>()
  #isTold = false
  #isUnderWay = false
  #endedMs = -Infinity

  constructor(
    host: RecyclingHost,
    { maxMemoryBytes, maxAgeMs }: Pick<SupervisorSettings, 'maxMemoryBytes' | 'maxAgeMs'>,
  ) {
    this.#host = host
    this.#maxMemoryBytes = maxMemoryBytes
    this.#maxAgeMs = maxAgeMs
  }

  start(): void {
    if (this.#maxMemoryBytes === 0 && this.#maxAgeMs === 0) return
    // Unreferenced: the generations keep this process alive.
    setInterval(() => void this.look(), everyMs).unref()
  }

  /** Looks at all workers, and restarts the first one that is beyond a limit. */
  async look(): Promise<void> {
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    try {
      for (const slot of this.#host.slots()) {
        const generation = slot.current
        // What is on probation may be rolled back, and the old version then is not what is due.
        if (!generation || slot.rollbacks.isOnProbation) continue
        const reason = await this.#reasonFor(slot, generation)
        if (reason === undefined || this.#host.now() - this.#endedMs < apartMs) continue
        await this.#restart(slot, generation, reason)
        break
      }
    } finally {
      this.#isUnderWay = false
    }
  }

  async #restart(slot: Slot, generation: Generation, reason: Reason): Promise<void> {
    const { turns } = this.#host
    const logger = this.#host.loggerOf(slot)
    try {
      await turns.take(async () => {
        // It may have been replaced while others had their turn.
        if (slot.current !== generation || slot.isStopping || slot.rollbacks.isOnProbation) return
        logger.info(`${generationName(generation)} ${reason}: restarting it`)
        // The version is the same: there is nothing to try out.
        await slot.restart({ probationMs: 0 })
      })
    } catch (error) {
      // The generation has logged why a restart failed that had begun.
      logger.warn(`${generationName(generation)} goes on: ${messageOf(error)}`)
    } finally {
      this.#endedMs = this.#host.now()
    }
  }

  async #reasonFor(slot: Slot, generation: Generation): Promise<Reason | undefined> {
    const ageMs = this.#host.now() - generation.startedMs
    const reason = await this.#memoryReason(slot, generation, ageMs)
    if (reason !== undefined) return reason
    const isOld = this.#maxAgeMs > 0 && ageMs > this.#maxAgeMs
    return isOld ? `is ${formatAge(ageMs)} old` : undefined
  }

  async #memoryReason(
    slot: Slot,
    generation: Generation,
    ageMs: number,
  ): Promise<Reason | undefined> {
    if (this.#maxMemoryBytes === 0 || this.#large.has(generation)) return undefined
    const memoryBytes = await this.#memoryOf(slot, generation)
    if (memoryBytes === undefined) return undefined
    if (memoryBytes <= this.#maxMemoryBytes) {
      this.#small.add(generation)
      if (ageMs > startMs) this.#forMemory.delete(slot)
      return undefined
    }
    const isFromStart = this.#forMemory.has(slot) || !this.#small.has(generation)
    if (ageMs <= startMs && isFromStart) {
      this.#large.add(generation)
      this.#tellOnce(slot, generation, memoryBytes)
      return undefined
    }
    this.#forMemory.add(slot)
    return `takes ${formatBytes(memoryBytes)} of memory, more than ${formatBytes(this.#maxMemoryBytes)}`
  }

  /** Resolves with the memory of a worker; `undefined` if it does not say. */
  async #memoryOf(slot: Slot, generation: Generation): Promise<number | undefined> {
    if (this.#asked.has(generation)) return undefined
    this.#asked.add(generation)
    const answer = slot
      .statusOf(generation)
      .catch(() => undefined)
      .finally(() => this.#asked.delete(generation))
    const told = await within(answer, answerMs)
    return told === late ? undefined : told?.memoryBytes
  }

  #tellOnce(slot: Slot, generation: Generation, memoryBytes: number): void {
    if (this.#isTold) return
    this.#isTold = true
    const logger = this.#host.loggerOf(slot)
    logger.warn(
      `${generationName(generation)} takes ${formatBytes(memoryBytes)} of memory from its start, more than ` +
        `--max-memory ${formatBytes(this.#maxMemoryBytes)}: it is not restarted for its memory`,
    )
  }
}
