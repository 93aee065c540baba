import {
  EndlessError,
  type LastRestart,
  RestartRecord,
  type RestartReport,
} from '@endless/core/for-cli'
import type { Chain } from './chain.js'
import { type Death, failureOf } from './death.js'
import type { Generation } from './generation.js'
import type { Questions } from './questions.js'
import type { Replacement } from './replacement.js'
import type { Succession } from './succession.js'
import type { SupervisorHost } from './supervisor-host.js'

/** How long a generation that is to restart may take to say that it hears. */
const heardMs = 5_000

/** The parts of the supervisor that {@link Restarts} works with. */
interface RestartsParts {
  readonly host: SupervisorHost
  readonly chain: Chain
  readonly questions: Questions
  readonly succession: Succession
  readonly replacement: Replacement
}

/** The restarts of a service, and how the last one has ended: also when those are gone that know more of it. */
export class Restarts {
  readonly #host: SupervisorHost
  readonly #chain: Chain
  readonly #questions: Questions
  readonly #succession: Succession
  readonly #replacement: Replacement
  readonly #record: RestartRecord
  /** What is started in the place of a dead generation, for all that have asked for a restart meanwhile. */
  #resumption: Promise<RestartReport> | undefined

  constructor({ host, chain, questions, succession, replacement }: RestartsParts) {
    this.#host = host
    this.#chain = chain
    this.#questions = questions
    this.#succession = succession
    this.#replacement = replacement
    this.#record = new RestartRecord(host)
  }

  /** How the last one has ended, as far as this process has seen it. */
  get last(): LastRestart | null {
    return this.#record.last
  }

  /**
   * Restarts the service; settles when the successor has taken over. While nothing serves, what is to take the
   * place of the dead generation is the new one: it is started at once, and waited for.
   *
   * @throws (rejects) with the reason if the old generation serves on, or still nothing serves
   */
  async restart(): Promise<RestartReport> {
    const { current, last } = this.#chain
    if (this.#succession.isStopping || last?.hasLeft) {
      throw new EndlessError(
        'ERR_ENDLESS_SHUTTING_DOWN',
        'Cannot restart: the service is shutting down.',
      )
    }
    if (!current) return this.#resume()
    // Not told to restart before it has shown that it hears: nobody would know when it does.
    await this.#questions.ask(current, 'status', heardMs)
    return (await this.#questions.ask(current, 'restart')) as RestartReport
  }

  /** A successor is told to accept. */
  takenOver({ number, pid }: Generation, durationMs: number | undefined): void {
    this.#record.takenOver({ number, pid, durationMs })
  }

  /** A generation has ended: of a successor that never served, a restart has failed. */
  ended(generation: Generation, death: Death): void {
    const { predecessor, servingSinceMs, number, startedMs } = generation
    if (!predecessor || servingSinceMs !== undefined || this.#succession.isStopping) return
    this.#record.failed(number, failureOf(generation, death), this.#host.now() - startedMs)
  }

  /** Has the dead generation replaced at once; joins one that boots. */
  #resume(): Promise<RestartReport> {
    const dead = this.#chain.last
    if (!dead) {
      const pids = this.#chain.living.map(({ pid }) => String(pid)).join()
      throw new EndlessError(
        'ERR_ENDLESS_NOT_RUNNING',
        `Cannot restart: the service (pid ${pids}) is being started, and has not served yet. ` +
          'Wait until it does, or stop it and start it again.',
      )
    }
    return (this.#resumption ??= this.#replace(dead).finally(() => (this.#resumption = undefined)))
  }

  async #replace(dead: Generation): Promise<RestartReport> {
    const beganMs = this.#host.now()
    this.#host.restarting()
    let generation: Generation
    try {
      generation = await this.#replacement.hasten()
    } catch (error) {
      if (!this.#succession.isStopping) {
        this.#record.failed(dead.number + 1, error as EndlessError, this.#host.now() - beganMs)
        this.#host.restartFailed((error as EndlessError).message)
      }
      throw error
    }
    // Its predecessor serves again, which is not what was asked for.
    if (generation.number <= dead.number) return this.restart()
    const { number, pid } = generation
    const report = { number, pid, durationMs: Math.round(this.#host.now() - beganMs) }
    this.#record.takenOver(report)
    return report
  }
}
