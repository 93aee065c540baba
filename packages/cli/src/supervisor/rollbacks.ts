import {
  EndlessError,
  type EndlessErrorDetails,
  type GenerationStatus,
} from '@endless/core/for-cli'
import type { Chain } from './chain.js'
import { type Death, describeDeath } from './death.js'
import type { Generation } from './generation.js'
import type { Questions } from './questions.js'

// The probations of a supervised service: what is asked of the generation that stays behind.

/** How long a generation may take to serve again. It has nothing else to do. */
const answerMs = 5_000

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

  /** Ends the probation of the generation that serves, if there is one: it is proven. */
  async prove(): Promise<void> {
    const behind = this.#behind
    if (!behind) return
    await this.#questions.ask(behind, { what: 'prove' }, answerMs)
    await this.untilOver()
  }

  /**
   * Makes the generation that stays behind serve again; settles when it does.
   *
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION`
   */
  async rollBack(reason: string): Promise<void> {
    const behind = this.#behind
    if (!behind) throw notOnProbation()
    await this.#questions.ask(behind, { what: 'rollback', reason }, answerMs)
  }

  /**
   * Settles when the generation of this number is proven, or was not on probation.
   *
   * @throws (rejects) `ERR_ENDLESS_ROLLED_BACK`
   */
  async proven(number: number): Promise<void> {
    const generation = this.#chain.current
    if (!generation) return
    if (generation.number < number) throw await this.errorOf(generation)
    const { predecessor, probation } = generation
    const end = await probation?.over
    if (end !== 'rolled-back' && end !== 'died') return
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
