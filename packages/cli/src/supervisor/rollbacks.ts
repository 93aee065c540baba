import {
  EndlessError,
  type EndlessErrorDetails,
  type GenerationStatus,
} from '@endless/core/for-cli'
import type { Chain } from './chain.js'
import { type Death, describeDeath } from './death.js'
import type { Generation } from './generation.js'
import type { ProbationEnd } from './probation.js'
import type { Questions } from './questions.js'

// The probations of a supervised service: what is asked of the generation that stays behind.

/** How long a generation may take to serve again. It has nothing else to do. */
const answerMs = 5_000

/** How long it may take to be heard of before it is told to serve again: who asks for that has nothing better. */
const heardMs = 10_000

/** Asks the generation that stays behind to end a probation, in one way or the other. */
export class Rollbacks {
  readonly #chain: Chain
  readonly #questions: Questions

  constructor(chain: Chain, questions: Questions) {
    this.#chain = chain
    this.#questions = questions
  }

  /** Whether the generation that serves is on probation. */
  get isOnProbation(): boolean {
    return this.#chain.current?.probation?.isUnderWay ?? false
  }

  /** Settles when the generation that serves is not on probation, however that has ended. */
  async untilOver(): Promise<void> {
    await this.#chain.current?.probation?.over
  }

  /**
   * Ends the probation of the generation that serves, if there is one: it is proven. If the generation that stays behind
   * does not react, it cannot take anything back either, and hears of it when it reads on.
   */
  async prove(): Promise<void> {
    const { current } = this.#chain
    const behind = this.#behind
    if (!behind) return
    try {
      await this.#questions.ask(behind, { what: 'prove' }, answerMs)
    } catch (error) {
      if ((error as EndlessError).code !== 'ERR_ENDLESS_UNRESPONSIVE') throw error
      current?.probation?.end('proven')
    }
    await this.untilOver()
  }

  /**
   * Makes the generation that stays behind serve again; settles when it does.
   *
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION`; `ERR_ENDLESS_UNRESPONSIVE` if it cannot
   */
  async rollBack(reason: string): Promise<void> {
    const behind = this.#behind
    if (!behind) throw notOnProbation()
    // A blocked generation would act on the order once it recovers, after the command has failed.
    // See docs/decisions.md, "A generation must answer before it is told to restart"
    await this.#questions.ask(behind, { what: 'status' }, heardMs)
    await this.#questions.ask(behind, { what: 'rollback', reason }, answerMs)
  }

  /**
   * Settles when the generation of this number is proven, or was not on probation.
   *
   * @throws (rejects) `ERR_ENDLESS_ROLLED_BACK`; `ERR_ENDLESS_NOT_ON_PROBATION` if it cannot be rolled back any more
   */
  async proven(number: number): Promise<void> {
    if ((await this.kept(number)) !== 'unguarded') return
    throw new EndlessError(
      'ERR_ENDLESS_NOT_ON_PROBATION',
      'The new version is not proven: before its probation had passed, its predecessor died, and nothing can roll it ' +
        'back any more.',
    )
  }

  /**
   * Settles when the generation of this number is not on probation any more, and the slot has kept it.
   *
   * @throws (rejects) `ERR_ENDLESS_ROLLED_BACK`
   */
  async kept(number: number): Promise<ProbationEnd | undefined> {
    const generation = this.#chain.current
    if (!generation) return undefined
    if (generation.number < number) throw await this.errorOf(generation)
    const { predecessor, probation } = generation
    const end = await probation?.over
    if (end !== 'rolled-back' && end !== 'died') return end
    if (predecessor && predecessor === this.#chain.current) throw await this.errorOf(predecessor)
    throw diedOnProbation(generation, await generation.ended)
  }

  get #behind(): Generation | undefined {
    const { current } = this.#chain
    return current?.probation?.isUnderWay ? current.predecessor : undefined
  }

  /** Returns why a generation serves again, as it tells itself. */
  async errorOf(behind: Generation): Promise<EndlessError> {
    const told = await this.#questions.ask(behind, { what: 'status' }, answerMs)
    const { error, pid } = (told as GenerationStatus).lastRestart ?? {}
    if (!error) return rolledBack('nothing more is known', pid ?? undefined)
    const { message, ...details } = error
    return new EndlessError('ERR_ENDLESS_ROLLED_BACK', message, {
      ...details,
      pid: pid ?? undefined,
    } as EndlessErrorDetails)
  }
}

/** Creates the error of a rollback when there is nothing to roll back. */
export function notOnProbation(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_NOT_ON_PROBATION',
    'Cannot roll back: no generation is on probation. Restart with a probation first.',
  )
}

/** Creates the error of a restart whose new generation was rolled back. */
export function rolledBack(
  reason: string,
  pid: number | undefined,
  details: EndlessErrorDetails = {},
): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_ROLLED_BACK',
    `The new version (pid ${String(pid)}) was rolled back while on probation: ${reason}.`,
    { ...details, pid },
  )
}

/** Creates the error of a restart whose new generation died on probation. */
export function diedOnProbation({ pid }: Generation, death: Death): EndlessError {
  const { code: exitCode, signal, stderr } = death
  return rolledBack(`it ${describeDeath(death)}`, pid, { exitCode, signal, stderr })
}
