import {
  deferred,
  durationOf,
  generationName,
  SignOfLife,
  type SpawnRequest,
} from '@endless/core/for-cli'
import type { Chain } from './chain.js'
import { type Death, describeDeath, exitCodeOf, isByItself } from './death.js'
import type { Generation } from './generation.js'
import { Heir } from './heir.js'
import type { Replacement } from './replacement.js'
import type { StandIn } from './stand-in.js'
import type { SlotHost } from './slot-host.js'

// Decides which generation takes the place of one that ended.

/**
 * How long a predecessor that drains may take to report whether it takes over again, while this process can hear it.
 * Connections wait in the meantime, and a predecessor that its work blocks for longer would not help them either.
 */
const takeBackMs = 3_000

/** The question which neighbour of a dead generation takes its place, until the predecessor has answered. */
interface Contest {
  predecessor: Generation
  heir: Heir | undefined
  dead: Generation
  signOfLife: SignOfLife
}

/**
 * How a generation that served, or was about to, ended (times from {@link SlotHost.now}). `inARow`
 * counts the deaths in a row, with this one.
 */
export type LastDeath = Death & { number: number; pid: number; endedMs: number; inARow: number }

/**
 * Decides what takes the place of a generation that ended: its predecessor, a replacement, or nothing.
 * See docs/decisions.md, "Generations report which one serves"
 */
export class Succession {
  readonly #host: SlotHost
  readonly #chain: Chain
  readonly #standIn: StandIn
  readonly #replacement: Replacement
  #contest: Contest | undefined
  #death: LastDeath | undefined
  /** How the last generation that served ended, which gives the service its exit code. */
  #end: Death | undefined
  #isStopping = false
  readonly #over = deferred<number>()

  constructor(host: SlotHost, chain: Chain, standIn: StandIn, replacement: Replacement) {
    this.#host = host
    this.#chain = chain
    this.#standIn = standIn
    this.#replacement = replacement
  }

  /** Resolves with the exit code of the service when all generations have ended. */
  get over(): Promise<number> {
    return this.#over.promise
  }

  /** Last death of a generation that served, or was started to replace a dead one. */
  get death(): LastDeath | undefined {
    return this.#death
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Ends the succession: from now on, no generation is replaced. */
  stop(): void {
    if (!this.#isStopping) this.#host.stopping()
    this.#isStopping = true
    this.#replacement.cancel()
    this.#endIfDone()
  }

  /** Ends the service, since its first generation could not be started. */
  fail(launch: SpawnRequest, error: Error): void {
    this.#host.logger.error(`Cannot start ${launch.command}: ${error.message}`)
    this.#over.resolve(exitCodeOf(undefined))
  }

  /**
   * Notes that a generation shuts itself down. One of several workers is replaced while it still drains.
   * See docs/decisions.md, "A worker that leaves is replaced"
   */
  left(generation: Generation): void {
    generation.hasLeft = true
    generation.escrow.close()
    const { servingSinceMs, probation } = generation
    // On probation, its predecessor has to say first that it does not serve.
    if (generation !== this.#chain.current || probation?.isUnderWay) return
    if (this.#isStopping || this.#host.workers() === 1) return
    const nowMs = this.#host.now()
    this.#chain.leave(generation, nowMs)
    this.#replacement.left(nowMs - (servingSinceMs ?? nowMs))
    this.#replacement.schedule(generation)
  }

  /** Notes that a generation does not serve again instead of its successor. */
  declined(generation: Generation): void {
    generation.isHopeful = false
    this.#losesContest(generation)
    this.#replaceIfNobodyServes()
  }

  /**
   * Returns whether a generation that reports that it serves should do so. One that was given up is too
   * late if its replacement is ready; if not, the replacement is ended.
   */
  admits(generation: Generation): boolean {
    if (!generation.isGivenUp) return true
    generation.isGivenUp = false
    if (this.#chain.current ?? this.#replacement.booting?.isReady) return false
    this.#replacement.giveUp()
    return true
  }

  /** Notes that a generation serves, for the first time or again. */
  served(generation: Generation): void {
    this.#replacement.served(generation)
    // One that was given up may have begun to listen, and waits for the rest of its sockets.
    for (const each of this.#chain.living) {
      if (each !== generation && each.isGivenUp) each.signal('SIGTERM')
    }
    if (generation === this.#contest?.predecessor) this.#winsContest(this.#contest)
  }

  ended(generation: Generation, death: Death): void {
    const { predecessor, successor, servingSinceMs, handedOverMs, number, pid } = generation
    const nowMs = this.#host.now()
    const { rolledBackBy, rolledBack } = generation
    const wasServing = this.#chain.remove(generation)
    const exit = { type: 'exited', code: death.code, signal: death.signal } as const
    void rolledBackBy?.send({ ...exit, pid })
    for (const each of rolledBack.values()) void each.send({ type: 'predecessor-gone' })
    const hasServed = servingSinceMs !== undefined
    if (wasServing || generation === this.#replacement.booting) {
      this.#replacement.died(generation, death, hasServed ? nowMs - servingSinceMs : 0)
      this.#death = { ...death, number, pid, endedMs: nowMs, inARow: this.#replacement.deaths }
    }
    void predecessor?.send(exit)
    successor?.probation?.end('unguarded')
    // It left while on probation, and was not replaced before it was known that this one does not serve.
    if (successor?.hasLeft) this.left(successor)
    // One that has left is the last that served until its replacement does.
    if (wasServing || generation === this.#chain.last) this.#end = death
    if (wasServing) {
      this.#standIn.keep(generation.escrow)
    } else {
      generation.escrow.close()
      const hasFailed = predecessor && !hasServed
      if (hasFailed && !this.#isStopping) this.#host.restartFailed(describeDeath(death))
    }
    const isDrained = !wasServing && hasServed && isByItself(death)
    if (isDrained && handedOverMs !== undefined) {
      this.#host.logger.info(
        `${generationName(generation)} has gone after ${durationOf(nowMs - handedOverMs)}`,
      )
    }
    // The predecessor of a successor that failed logs the failure itself.
    if (!generation.hasLeft && !this.#isStopping && !predecessor && !isDrained) {
      const { count, tells } = this.#host.dyingAlike()
      const others = count > 1 ? `; ${String(count)} workers die of that again and again` : ''
      if (tells) {
        this.#host.logger.error(`${generationName(generation)} ${describeDeath(death)}${others}`)
      }
    }
    // It may have served again already, and its predecessor takes its place: its report is read after its death.
    const contest = this.#contest?.predecessor === generation ? this.#contest : undefined
    const heir = successor ? new Heir(successor, this.#standIn) : contest?.heir
    // Only one of its neighbours takes its place: the older one is asked first, as it can serve at once.
    if ((wasServing || contest) && predecessor && hasServed) {
      if (contest) this.#endContest(contest)
      this.#await(predecessor, heir, generation)
    } else if (heir && !contest) this.#bequeath(heir, generation)
    if (this.#contest?.dead !== generation) generation.probation?.end('died')
    this.#losesContest(generation)
    this.#replaceIfNobodyServes()
  }

  /** Waits for a predecessor, which knows that its successor ended, to report whether it takes over again. */
  #await(predecessor: Generation, heir: Heir | undefined, dead: Generation): void {
    predecessor.isHopeful = true
    const signOfLife = new SignOfLife({
      system: { setTimeout, now: () => this.#host.now() },
      maxSilentMs: takeBackMs,
      // By the end of its successor.
      isAsked: true,
      ask: () => undefined,
      missed: () => {
        this.#host.logger.warn(
          `${generationName(predecessor)} has not reported within ` +
            `${String(takeBackMs / 1000)} s whether it serves again`,
        )
        predecessor.isGivenUp = true
        this.declined(predecessor)
      },
    })
    this.#contest = { predecessor, heir, dead, signOfLife }
  }

  /** Lets the heir of a dead generation serve, since its predecessor does not. */
  #losesContest(generation: Generation): void {
    const contest = this.#contest
    if (contest?.predecessor !== generation) return
    this.#endContest(contest)
    if (contest.heir) this.#bequeath(contest.heir, contest.dead)
  }

  /** Ends the heir of a dead generation, since its predecessor serves again. */
  #winsContest(contest: Contest): void {
    const { predecessor, heir, dead } = contest
    this.#endContest(contest)
    if (!heir || heir.generation.hasEnded) return
    const reason =
      `${generationName(dead)}, which started it, has died, ` +
      `and ${generationName(predecessor)} serves again`
    this.#host.logger.warn(`ending ${generationName(heir.generation)}: ${reason}`)
    if (!this.#isStopping) this.#host.restartFailed(reason)
    heir.end(reason)
  }

  #endContest({ signOfLife, dead }: Contest): void {
    signOfLife.end()
    dead.probation?.end('died')
    this.#contest = undefined
  }

  /** Lets a generation continue without the dead one that started it: in its place, if that served. */
  #bequeath(heir: Heir, dead: Generation): void {
    const { generation } = heir
    if (generation.hasEnded) return
    const isNeeded = !this.#chain.current && generation.servingSinceMs === undefined
    if (isNeeded && !this.#isStopping) this.#replacement.boot(generation, dead.readyTimeoutMs)
    heir.inherit()
  }

  #replaceIfNobodyServes(): void {
    const { last: dead, current, isHopeful } = this.#chain
    // One that has left is replaced while it drains.
    const isDue = (dead?.hasEnded ?? false) || (dead?.hasLeft ?? false)
    const isMissing = dead !== undefined && isDue && !this.#hasEndedService(dead)
    if (this.#isStopping || current || !isMissing || isHopeful) this.#endIfDone()
    else this.#replacement.schedule(dead, this.#host.dyingAlike().tells)
  }

  /**
   * Whether a generation has shut itself down, and the service with it.
   * See docs/decisions.md, "A worker that leaves is replaced"
   */
  #hasEndedService({ hasLeft }: Generation): boolean {
    return hasLeft && this.#host.workers() === 1
  }

  #endIfDone(): void {
    const { last, living, current } = this.#chain
    const isOver = this.#isStopping || last === undefined || this.#hasEndedService(last)
    if (!isOver || living.length > 0 || current) return
    this.#replacement.cancel()
    this.#standIn.release()
    this.#over.resolve(exitCodeOf(this.#end))
  }
}
