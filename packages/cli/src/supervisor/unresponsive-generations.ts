import { EndlessError, generationName, type Logger } from '@endless/core/for-cli'
import type { Generation } from './generation.js'
import type { Questions } from './questions.js'

// Deals with generations that should end and do not answer.

/** How long a generation that was told to stop may not answer before a warning is logged. */
const stopMs = 10_000
/** How long it may not answer after the hammer before it is killed. */
const hammerMs = 5_000

/**
 * Makes sure that what should end does: a blocked event loop hears neither signal nor hammer. A generation
 * that answers is left alone, however long it takes.
 * See docs/decisions.md, "Only the hammer kills a generation that drains"
 */
export class UnresponsiveGenerations {
  readonly #questions: Questions
  readonly #logger: Logger
  readonly #pid: number

  /** @param pid pid of this process, which the warning names */
  constructor(questions: Questions, logger: Logger, pid: number) {
    this.#questions = questions
    this.#logger = logger
    this.#pid = pid
  }

  /** Warns of generations that were told to stop and do not answer. */
  stopped(generations: Generation[]): void {
    // One that is not ready does not catch SIGTERM, and ends by it.
    for (const each of generations) if (each.isReady) void this.#tell(each)
  }

  /** Kills generations on which the hammer fell and which do not answer. */
  hammered(generations: Generation[]): void {
    for (const each of generations) void this.#kill(each)
  }

  async #tell(generation: Generation): Promise<void> {
    if (await this.#answers(generation, stopMs)) return
    this.#logger.warn(
      `${generationName(generation)} has not answered for ${String(stopMs / 1000)} s ` +
        'since it was told to stop: its event loop is blocked. SIGUSR2 to ' +
        `pid ${String(this.#pid)}, a second Ctrl-C or 'endless hammer' kills it`,
    )
  }

  async #kill(generation: Generation): Promise<void> {
    if (await this.#answers(generation, hammerMs)) return
    this.#logger.warn(`${generationName(generation)} does not answer, and is killed`)
    generation.signal('SIGKILL')
  }

  /** Returns whether a generation answers, or has ended. */
  async #answers(generation: Generation, withinMs: number): Promise<boolean> {
    try {
      await this.#questions.ask(generation, { what: 'status' }, withinMs)
      return true
    } catch (error) {
      const isLate = error instanceof EndlessError && error.code === 'ERR_ENDLESS_UNRESPONSIVE'
      return !isLate || generation.hasEnded
    }
  }
}
