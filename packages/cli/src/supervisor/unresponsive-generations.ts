import { EndlessError, generationName, type Logger } from '@endless/core/for-cli'
import type { Generation } from './generation.js'
import type { Questions } from './questions.js'

/** How long after it was told to stop one may take to answer before that is worth a word. */
const stopMs = 10_000
/** How long after the hammer. */
const hammerMs = 5_000

/**
 * Sees to it that what shall end can: a generation whose event loop is blocked hears of no signal and lets no
 * hammer fall. One that answers is left alone, however long its drain and its clean-up take: it bounds them itself.
 */
export class UnresponsiveGenerations {
  readonly #questions: Questions
  readonly #logger: Logger
  readonly #pid: number

  /** @param pid whom to signal: this process */
  constructor(questions: Questions, logger: Logger, pid: number) {
    this.#questions = questions
    this.#logger = logger
    this.#pid = pid
  }

  /** They have been told to stop: tells of those that do not hear it. */
  stopped(generations: Generation[]): void {
    // One that is not ready takes SIGTERM as the kernel does.
    for (const each of generations) if (each.isReady) void this.#tell(each)
  }

  /** The hammer has fallen: kills those that do not hear it. */
  hammered(generations: Generation[]): void {
    for (const each of generations) void this.#kill(each)
  }

  async #tell(generation: Generation): Promise<void> {
    if (await this.#answers(generation, stopMs)) return
    this.#logger.warn(
      `${generationName(generation)} has not answered for ${String(stopMs / 1000)} s since it was told to stop: ` +
        'its event loop is blocked. SIGUSR2 to ' +
        `pid ${String(this.#pid)}, a second Ctrl-C or 'endless hammer' kills it`,
    )
  }

  async #kill(generation: Generation): Promise<void> {
    if (await this.#answers(generation, hammerMs)) return
    this.#logger.warn(`${generationName(generation)} does not answer, and is killed`)
    generation.signal('SIGKILL')
  }

  /** Asks for a sign of life; one that has ended needs none. */
  async #answers(generation: Generation, withinMs: number): Promise<boolean> {
    try {
      await this.#questions.ask(generation, 'status', withinMs)
      return true
    } catch (error) {
      const isLate = error instanceof EndlessError && error.code === 'ERR_ENDLESS_UNRESPONSIVE'
      return !isLate || generation.hasEnded
    }
  }
}
