import {
  deferred,
  type Deferred,
  durationOf,
  EndlessError,
  generationName,
  sayIfLong,
  type SpawnRequest,
} from '@endless/core/for-cli'
import { BackOff } from './back-off.js'
import { type Death, failureOf } from './death.js'
import { Generation } from './generation.js'
import type { SlotHost } from './slot-host.js'

// Replaces a generation that died.

/** Boot limit of a generation whose `readyTimeoutMs` is unknown. */
const unknownTimeoutMs = 60_000

/** Starts a generation that has no predecessor; if that fails, returns a promise of the reason. */
export type Start = (launch: SpawnRequest, number: number) => Generation | Promise<Error>

/** What a generation is started after: the dead one whose place it takes. */
export type Example = Pick<Generation, 'launch' | 'number' | 'readyTimeoutMs'>

interface Due {
  dead: Example
  atMs: number
  timer: NodeJS.Timeout
}

/** Starts a generation to replace a dead one. At most one is due, or boots. */
export class Replacement {
  readonly #host: SlotHost
  readonly #start: Start
  readonly #backOff = new BackOff()
  #due: Due | undefined
  /** Replacement that boots, until it serves. */
  #booting: Generation | undefined
  #bootLimit: NodeJS.Timeout | undefined
  #endWait: () => void = () => undefined
  /** Settles for the callers of {@link hasten}. */
  #waiting: Deferred<Generation> | undefined

  constructor(host: SlotHost, start: Start) {
    this.#host = host
    this.#start = start
  }

  /** Replacement that was started and does not serve yet. */
  get booting(): Generation | undefined {
    return this.#booting
  }

  /** Time until the next start; `null` if none is due. */
  get startingInMs(): number | null {
    if (!this.#due) return null
    return Math.max(0, Math.round(this.#due.atMs - this.#host.now()))
  }

  /** How many generations have died in a row. */
  get deaths(): number {
    return this.#backOff.deaths
  }

  /** Starts a generation as if it had to replace another one. */
  start(example: Example): void {
    this.#begin(example)
  }

  /**
   * Schedules a replacement: at once, or later if generations die one after the other.
   *
   * @param isTold whether the log says so
   */
  schedule(dead: Example, isTold = true): void {
    if (this.#due || this.#booting) return
    const delayMs = this.#waiting ? 0 : this.#backOff.delayMs
    const when = delayMs === 0 ? '' : ` in ${durationOf(delayMs)}`
    if (isTold) this.#host.logger.info(`starting generation ${String(dead.number + 1)}${when}`)
    const atMs = this.#host.now() + delayMs
    // Referenced: while nothing runs, this timer alone keeps the process alive.
    const timer = setTimeout(() => {
      this.#begin(dead)
    }, delayMs)
    this.#due = { dead, atMs, timer }
  }

  /**
   * Starts at once a replacement that is due, or joins one that boots. Resolves with the generation that
   * then serves: the replacement, or a predecessor that takes over again.
   *
   * @throws (rejects) with the reason if the replacement dies, too
   */
  hasten(): Promise<Generation> {
    const { promise } = (this.#waiting ??= deferred())
    if (this.#due) {
      const { dead, timer } = this.#due
      const number = String(dead.number + 1)
      this.#host.logger.info(`starting generation ${number} now: a restart was requested`)
      clearTimeout(timer)
      this.#begin(dead)
    }
    return promise
  }

  /** Notes the death of a generation that had served for `servedMs`; 0 if it never served. */
  died(generation: Generation, death: Death, servedMs: number): void {
    this.#backOff.died(servedMs)
    if (generation !== this.#booting) return
    this.#forget()
    this.#fail(failureOf(generation, death))
  }

  /** Notes that a generation shuts itself down that had served for `servedMs`. */
  left(servedMs: number): void {
    this.#backOff.died(servedMs)
  }

  /** Notes that a generation serves. */
  served(generation: Generation): void {
    if (generation === this.#booting) this.#forget()
    this.#waiting?.resolve(generation)
    this.#waiting = undefined
  }

  /** Gives up the replacement, since another generation serves; ends it if it was started already. */
  giveUp(): void {
    this.#unschedule()
    const generation = this.#booting
    if (!generation) return
    // So that it is not replaced.
    generation.hasLeft = true
    generation.signal('SIGKILL')
    this.#forget()
  }

  /** Starts nothing any more, since the service ends. */
  cancel(): void {
    this.#unschedule()
    this.#endBoot()
    this.#fail(
      new EndlessError(
        'ERR_ENDLESS_SHUTTING_DOWN',
        'Cannot restart: the service is shutting down.',
      ),
    )
  }

  #begin(dead: Example): void {
    this.#due = undefined
    const generation = this.#start(dead.launch, dead.number + 1)
    if (generation instanceof Generation) {
      this.boot(generation, dead.readyTimeoutMs)
      return
    }
    void generation.then(({ message }) => {
      const reason = `Cannot start ${dead.launch.command}: ${message}`
      this.#host.logger.error(reason)
      this.#backOff.died(0)
      this.#fail(new EndlessError('ERR_ENDLESS_SPAWN_FAILED', reason))
      this.schedule(dead)
    })
  }

  /** Takes a generation that boots as the replacement; ends it if it is not ready in time. */
  boot(generation: Generation, timeoutMs = unknownTimeoutMs): void {
    this.#unschedule()
    this.#booting = generation
    const { logger } = this.#host
    this.#endWait = sayIfLong({ system: globalThis, logger }, () => ({
      what: `${generationName(generation)} to be ready`,
      limitMs: timeoutMs,
    }))
    // Unreferenced: the generation that boots keeps this process alive.
    this.#bootLimit = setTimeout(() => {
      if (generation.isReady || generation.hasEnded) return
      generation.lastWords.diedOf({
        name: 'Error',
        message: `not ready after ${durationOf(timeoutMs)}`,
      })
      generation.signal('SIGKILL')
    }, timeoutMs).unref()
  }

  #forget(): void {
    this.#endBoot()
    this.#booting = undefined
  }

  #endBoot(): void {
    clearTimeout(this.#bootLimit)
    this.#endWait()
  }

  #unschedule(): void {
    clearTimeout(this.#due?.timer)
    this.#due = undefined
  }

  #fail(reason: Error): void {
    this.#waiting?.reject(reason)
    this.#waiting = undefined
  }
}
