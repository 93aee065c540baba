import { EndlessError, type SpawnRequest } from '@endless/core/for-cli'
import { BackOff } from './back-off.js'
import { failureOf, type Death } from './death.js'
import { Generation } from './generation.js'
import type { World } from './world.js'

/** How long a generation may boot of which nobody knows its `readyTimeoutMs`. */
const unknownTimeoutMs = 60_000

/** Starts a generation that has no predecessor; gives the reason why if that cannot be done. */
export type Start = (launch: SpawnRequest, number: number) => Generation | Promise<Error>

interface Due {
  dead: Generation
  atMs: number
  timer: NodeJS.Timeout
}

interface Waiting {
  served: Promise<Generation>
  resolve: (generation: Generation) => void
  reject: (reason: Error) => void
}

/** Another generation in the place of a dead one: at most one is due, or boots. */
export class Replacement {
  readonly #world: World
  readonly #start: Start
  readonly #backOff = new BackOff()
  #due: Due | undefined
  /** What was started, until it serves. */
  #booting: Generation | undefined
  #bootLimit: NodeJS.Timeout | undefined
  /** Those who do not want to wait any longer than they must. */
  #waiting: Waiting | undefined

  constructor(world: World, start: Start) {
    this.#world = world
    this.#start = start
  }

  /** What was started and does not serve yet. */
  get booting(): Generation | undefined {
    return this.#booting
  }

  /** When the next start is due, in ms from now; `null` if none is. */
  get startingInMs(): number | null {
    if (!this.#due) return null
    return Math.max(0, Math.round(this.#due.atMs - this.#world.now()))
  }

  /** How many have died in a row. */
  get deaths(): number {
    return this.#backOff.deaths
  }

  /** Has another one started, at once or later if generations die again and again. */
  schedule(dead: Generation): void {
    if (this.#due || this.#booting) return
    const delayMs = this.#waiting ? 0 : this.#backOff.delayMs
    this.#world.logger.info(
      delayMs === 0 ? 'starting it again' : `starting it again in ${String(delayMs)} ms`,
    )
    const atMs = this.#world.now() + delayMs
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
    if (!this.#waiting) {
      let settle!: Omit<Waiting, 'served'>
      const served = new Promise<Generation>((resolve, reject) => (settle = { resolve, reject }))
      this.#waiting = { served, ...settle }
    }
    const { served } = this.#waiting
    if (this.#due) {
      this.#world.logger.info('starting it again at once, as somebody has asked for a restart')
      clearTimeout(this.#due.timer)
      this.#begin(this.#due.dead)
    }
    return served
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
      this.#world.logger.error(reason)
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
      generation.noteError({ name: 'Error', message: `not ready after ${String(timeoutMs)} ms` })
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
