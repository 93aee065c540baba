import { deferred, type Deferred, EndlessError, type SpawnRequest } from '@endless/core/for-cli'
import { BackOff } from './back-off.js'
import { type Death, failureOf } from './death.js'
import { Generation } from './generation.js'
import type { SupervisorHost } from './supervisor-host.js'

/** How long a generation may boot of which nobody knows its `readyTimeoutMs`. */
const unknownTimeoutMs = 60_000

/** Starts a generation that has no predecessor; gives the reason why if that cannot be done. */
export type Start = (launch: SpawnRequest, number: number) => Generation | Promise<Error>

interface Due {
  dead: Generation
  atMs: number
  timer: NodeJS.Timeout
}

/** Another generation in the place of a dead one: at most one is due, or boots. */
export class Replacement {
  readonly #host: SupervisorHost
  readonly #start: Start
  readonly #backOff = new BackOff()
  #due: Due | undefined
  /** What was started, until it serves. */
  #booting: Generation | undefined
  #bootLimit: NodeJS.Timeout | undefined
  /** Those who do not want to wait any longer than they must. */
  #waiting: Deferred<Generation> | undefined

  constructor(host: SupervisorHost, start: Start) {
    this.#host = host
    this.#start = start
  }

  /** What was started and does not serve yet. */
  get booting(): Generation | undefined {
    return this.#booting
  }

  /** When the next start is due, in ms from now; `null` if none is. */
  get startingInMs(): number | null {
    if (!this.#due) return null
    return Math.max(0, Math.round(this.#due.atMs - this.#host.now()))
  }

  /** How many have died in a row. */
  get deaths(): number {
    return this.#backOff.deaths
  }

  /** Has another one started, at once or later if generations die again and again. */
  schedule(dead: Generation): void {
    if (this.#due || this.#booting) return
    const delayMs = this.#waiting ? 0 : this.#backOff.delayMs
    this.#host.logger.info(
      delayMs === 0 ? 'starting it again' : `starting it again in ${String(delayMs)} ms`,
    )
    const atMs = this.#host.now() + delayMs
    // Referenced: while nothing runs, it alone keeps this process alive.
    const timer = setTimeout(() => {
      this.#begin(dead)
    }, delayMs)
    this.#due = { dead, atMs, timer }
  }

  /**
   * Has what is due started at once; settles with what serves then: this, or a predecessor that takes over
   * again.
   *
   * @throws (rejects) with the reason if it dies, too
   */
  hasten(): Promise<Generation> {
    const { promise } = (this.#waiting ??= deferred())
    if (this.#due) {
      this.#host.logger.info('starting it again at once, as somebody has asked for a restart')
      clearTimeout(this.#due.timer)
      this.#begin(this.#due.dead)
    }
    return promise
  }

  /** One has died that had served for so long, or never. */
  died(generation: Generation, death: Death, servedMs: number): void {
    this.#backOff.died(servedMs)
    if (generation !== this.#booting) return
    this.#forget()
    this.#fail(failureOf(generation, death))
  }

  /** A generation serves. */
  served(generation: Generation): void {
    if (generation === this.#booting) this.#forget()
    this.#waiting?.resolve(generation)
    this.#waiting = undefined
  }

  /** Another one serves in its place, which is ended if it was started already. */
  giveUp(): void {
    this.#unschedule()
    const generation = this.#booting
    if (!generation) return
    // Nobody takes the place of this one.
    generation.hasLeft = true
    generation.signal('SIGKILL')
    this.#forget()
  }

  /** The service ends: nothing is started any more. */
  cancel(): void {
    this.#unschedule()
    clearTimeout(this.#bootLimit)
    this.#fail(
      new EndlessError(
        'ERR_ENDLESS_SHUTTING_DOWN',
        'Cannot restart: the service is shutting down.',
      ),
    )
  }

  #begin(dead: Generation): void {
    this.#due = undefined
    const generation = this.#start(dead.launch, dead.number + 1)
    if (generation instanceof Generation) {
      this.#boot(generation, dead.readyTimeoutMs ?? unknownTimeoutMs)
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

  #boot(generation: Generation, timeoutMs: number): void {
    this.#booting = generation
    // Unreferenced: the generation that it is for holds this process.
    this.#bootLimit = setTimeout(() => {
      if (generation.isReady || generation.hasEnded) return
      generation.lastWords.diedOf({
        name: 'Error',
        message: `not ready after ${String(timeoutMs)} ms`,
      })
      generation.signal('SIGKILL')
    }, timeoutMs).unref()
  }

  #forget(): void {
    clearTimeout(this.#bootLimit)
    this.#booting = undefined
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
