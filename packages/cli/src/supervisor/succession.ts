import type { SpawnRequest } from '@endless/core/supervision'
import type { Chain } from './chain.js'
import { describeDeath, exitCodeOf, type Death } from './death.js'
import type { SupervisorEvents } from './events.js'
import { Generation } from './generation.js'
import { Replacement } from './replacement.js'
import type { StandIn } from './stand-in.js'
import type { World } from './world.js'

/**
 * How long a predecessor that drains may take to answer whether it takes over again. Meanwhile
 * connections wait; one that is held up by its work for longer is no help either.
 */
const takeBackMs = 3_000

/** How a generation that served has ended, by the clock of the world. */
export type LastDeath = Death & { number: number; pid: number; endedMs: number }

/** Starts a generation that has no predecessor; gives the reason why if that cannot be done. */
type Start = (launch: SpawnRequest, number: number) => Generation | Promise<Error>

/** Who takes the place of a generation that has ended: its predecessor, another one, or nobody. */
export class Succession {
  /** Settles with the exit code of the service when all generations have ended. */
  readonly over: Promise<number>
  readonly #world: World
  readonly #events: SupervisorEvents
  readonly #chain: Chain
  readonly #standIn: StandIn
  readonly #start: Start
  readonly #replacement: Replacement
  /** What was started in the place of a dead generation, until it serves. */
  #substitute: Generation | undefined
  #takeBack: NodeJS.Timeout | undefined
  #death: LastDeath | undefined
  /** For how long the one that ended last had served. */
  #servedMs = 0
  #isStopping = false
  #settleOver!: (exitCode: number) => void

  constructor(
    world: World,
    events: SupervisorEvents,
    chain: Chain,
    standIn: StandIn,
    start: Start,
  ) {
    this.#world = world
    this.#events = events
    this.#chain = chain
    this.#standIn = standIn
    this.#start = start
    this.#replacement = new Replacement(world.logger)
    this.over = new Promise((resolve) => (this.#settleOver = resolve))
  }

  /** How the last generation that died by itself has ended. */
  get death(): LastDeath | undefined {
    return this.#death
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Nobody takes anybody's place any more. */
  stop(): void {
    if (!this.#isStopping) this.#events.stopping()
    this.#isStopping = true
    this.#replacement.cancel()
    this.#endIfDone()
  }

  /** The first generation could not be started. */
  fail(launch: SpawnRequest, error: Error): void {
    this.#logFailedStart(launch, error)
    this.#settleOver(exitCodeOf(undefined))
  }

  /** A generation has said that it does not serve again in the place of its successor. */
  declined(generation: Generation): void {
    generation.isHopeful = false
    this.#replaceIfNobodyServes()
  }

  /**
   * A generation says that it serves. Tells whether it shall: one that was given up comes too late if
   * what was started in its place is ready, and if not, that one is ended.
   */
  admits(generation: Generation): boolean {
    const substitute = this.#substitute
    if (generation === substitute) this.#substitute = undefined
    if (!generation.isGivenUp) return true
    generation.isGivenUp = false
    if (this.#chain.current ?? substitute?.isReady) return false
    this.#replacement.cancel()
    if (substitute) {
      // Nobody takes the place of this one.
      substitute.hasLeft = true
      substitute.signal('SIGKILL')
    }
    return true
  }

  ended(generation: Generation, death: Death): void {
    const { predecessor, successor, servingSinceMs, number, pid } = generation
    const nowMs = this.#world.now()
    const wasServing = this.#chain.remove(generation)
    if (generation === this.#substitute) this.#substitute = undefined
    const hasServed = servingSinceMs !== undefined
    this.#servedMs = hasServed ? nowMs - servingSinceMs : 0
    if (successor?.isWelcomed) void successor.send({ type: 'predecessor-gone' })
    void predecessor?.send({ type: 'exited', code: death.code, signal: death.signal })
    if (wasServing) {
      this.#death = { ...death, number, pid, endedMs: nowMs }
      this.#standIn.keep(generation.escrow)
      if (predecessor && hasServed) this.#await(predecessor)
    } else {
      generation.escrow.close()
      const hasFailed = predecessor && !hasServed
      if (hasFailed && !this.#isStopping) this.#events.restartFailed(describeDeath(death))
    }
    const isDrained = !wasServing && hasServed && death.code === 0
    // Of a successor that failed its predecessor tells.
    if (!generation.hasLeft && !this.#isStopping && !predecessor && !isDrained) {
      this.#world.logger.error(
        `generation ${String(number)} (pid ${String(pid)}) ${describeDeath(death)}`,
      )
    }
    if (successor) this.#standIn.succeed(successor)
    this.#replaceIfNobodyServes()
  }

  /** It has been told that its successor has ended: it answers whether it takes over again. */
  #await(predecessor: Generation): void {
    predecessor.isHopeful = true
    clearTimeout(this.#takeBack)
    // Unreferenced: the predecessor that it waits for holds this process.
    this.#takeBack = setTimeout(() => {
      if (!predecessor.isHopeful || predecessor.hasEnded) return
      const { number, pid } = predecessor
      this.#world.logger.warn(
        `generation ${String(number)} (pid ${String(pid)}) has not answered in ` +
          `${String(takeBackMs / 1000)} s whether it serves again`,
      )
      predecessor.isHopeful = false
      predecessor.isGivenUp = true
      this.#replaceIfNobodyServes()
    }, takeBackMs).unref()
  }

  #replaceIfNobodyServes(): void {
    const { last: dead, current, isHopeful } = this.#chain
    const isDead = dead?.hasEnded === true && !dead.hasLeft
    if (this.#isStopping || current || !isDead || isHopeful) this.#endIfDone()
    else this.#replacement.schedule(this.#servedMs, () => this.#replace(dead))
  }

  #replace(dead: Generation): void {
    const generation = this.#start(dead.launch, dead.number + 1)
    if (generation instanceof Generation) {
      this.#substitute = generation
      return
    }
    void generation.then((error) => {
      this.#logFailedStart(dead.launch, error)
      this.#replaceIfNobodyServes()
    })
  }

  #logFailedStart({ command }: SpawnRequest, { message }: Error): void {
    this.#world.logger.error(`Cannot start ${command}: ${message}`)
  }

  #endIfDone(): void {
    const { last, living, current } = this.#chain
    const isOver = this.#isStopping || last === undefined || last.hasLeft
    if (!isOver || living.length > 0 || current) return
    this.#replacement.cancel()
    this.#standIn.release()
    this.#settleOver(exitCodeOf(this.#death))
  }
}
