import { Random } from '../torture/random.js'
import { Actor } from './actor.js'
import { Clients } from './clients.js'
import {
  checkThatARestartWorks,
  checkThatNothingDiedByItself,
  checkThatNothingIsLost,
  checkThatOneServes,
  checkThatStopLeavesNothing,
  checkThatWhatDrainsEnds,
  settle,
} from './invariants.js'
import type { Loss } from './ledger.js'
import { planRound } from './plan.js'
import { type Service, type ServiceOptions, startService } from './service.js'
import { type Invariant, Violation } from './violation.js'

export interface LifeOptions extends ServiceOptions {
  /** With the same seed the same operations come again; only the timing differs. */
  seed: number
  /** How many rounds of operations; the service is stopped at the end. @default 2 */
  rounds?: number
  /** Leaves out all rounds but this one, counted from 0. */
  only?: number | undefined
}

export interface LifeReport {
  seed: number
  /** What did not hold, in which round (the stop is the round after the last), after how many operations. */
  violation?: { invariant: Invariant; message: string; round: number; operations: number }
  answered: number
  generations: number
  /** How many were killed, or died as they were told. */
  victims: number
  /** What the dead held, which is lost with them. */
  excused: number
  /** What was done and what was heard, with the times. */
  history: string
}

/**
 * Starts a service, does random operations to it in rounds, checks after each what must hold, and stops it: a
 * short life from one seed.
 */
export async function live(options: LifeOptions): Promise<LifeReport> {
  const service = await startService(options)
  const life = new Life(service, options)
  try {
    return await life.live()
  } finally {
    await life.end()
  }
}

class Life {
  readonly #service: Service
  readonly #options: LifeOptions
  readonly #clients: Clients
  readonly #actor: Actor
  /** What the clients of {@link Actor} have lost. */
  readonly #losses: Loss[] = []
  #round = 0
  #operations = 0

  constructor(service: Service, options: LifeOptions) {
    this.#service = service
    this.#options = options
    this.#clients = new Clients(service.ports, service.history)
    this.#actor = new Actor(service, (loss) => this.#losses.push(loss))
  }

  async live(): Promise<LifeReport> {
    const { seed, supervised, rounds = 2, only } = this.#options
    const { history } = this.#service
    history.note(`--- seed ${seed}, ${supervised ? 'supervised' : 'alone'}`)
    try {
      await settle(this.#service)
      this.#clients.start()
      for (; this.#round < rounds; this.#round++) {
        if (only === undefined || only === this.#round) await this.#liveRound()
      }
      await this.#stop()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      const { invariant, message } = error
      history.note(`!!! ${message}`)
      const [round, operations] = [this.#round, this.#operations]
      return this.#report({ invariant, message, round, operations })
    }
    return this.#report()
  }

  /** Ends all that is left. */
  async end(): Promise<void> {
    this.#actor.letGo()
    await this.#actor.relent()
    await this.#service.end()
    await this.#clients.stop()
  }

  async #liveRound(): Promise<void> {
    const service = this.#service
    const { random, how } = this.#draw()
    const steps = planRound(random, { supervised: this.#options.supervised })
    service.history.note(`--- round ${this.#round}: ${steps.length} operations`)
    this.#operations = steps.length
    await this.#actor.perform(steps)
    service.history.note('--- settles')
    await this.#actor.relent()
    await settle(service)
    const serving = await checkThatOneServes(service)
    await checkThatARestartWorks(service, serving, how)
    this.#actor.letGo()
    await checkThatWhatDrainsEnds(service)
    await checkThatNothingDiedByItself(service)
    checkThatNothingIsLost(service, this.#allLosses)
  }

  /** The end: in the calm, or in the middle of restarts. */
  async #stop(): Promise<void> {
    const service = this.#service
    const { random, how } = this.#draw()
    const { supervised } = this.#options
    const steps = random.chance(0.5) ? planRound(random, { supervised, stops: true }) : []
    service.history.note(`--- the end: ${steps.length} operations and a stop`)
    this.#operations = steps.length
    await this.#actor.perform(steps)
    const losses = this.#allLosses
    const stopped = checkThatStopLeavesNothing(service, how)
    this.#actor.letGo()
    await Promise.all([stopped, this.#actor.relent(), this.#clients.stop()])
    await checkThatNothingDiedByItself(service)
    checkThatNothingIsLost(service, losses)
  }

  get #allLosses(): Loss[] {
    return [...this.#losses, ...this.#clients.losses]
  }

  /** Each round has numbers of its own, so that one can be repeated without those before it. */
  #draw(): { random: Random; how: 'signal' | 'command' } {
    const random = new Random(this.#options.seed ^ Math.imul(this.#round + 1, 0x9e3779b1))
    return { random, how: random.chance(0.5) ? 'signal' : 'command' }
  }

  #report(violation?: LifeReport['violation']): LifeReport {
    const { generations, history, ledger } = this.#service
    return {
      seed: this.#options.seed,
      ...(violation && { violation }),
      answered: this.#clients.answered,
      generations: generations.all.length,
      victims: generations.all.filter(({ pid }) => ledger.isVictim(pid)).length,
      excused: this.#allLosses.filter((loss) => ledger.explain(loss) !== undefined).length,
      history: history.toString(),
    }
  }
}
