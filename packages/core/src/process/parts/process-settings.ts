import { createSafeLogger, type Logger } from '../../api/logger.js'
import {
  mergeProcessOptions,
  processDefaults,
  type ProcessOptions,
  type ResolvedProcessOptions,
} from '../../api/options.js'

/** The process options that the servers of this process gave. */
export class ProcessSettings {
  readonly #defaultLogger: Logger
  readonly #generation: () => number
  #given: ProcessOptions = {}
  #suggested: ProcessOptions = {}
  #logger: Logger | undefined

  /** @param generation returns the number of this process in the chain */
  constructor(defaultLogger: Logger, generation: () => number) {
    this.#defaultLogger = defaultLogger
    this.#generation = generation
  }

  /** The options as of now, with defaults for those that no server gave. */
  get current(): ResolvedProcessOptions {
    return { ...processDefaults, ...this.#suggested, ...this.#given }
  }

  /** A logger that never throws, even if the application's does. */
  get logger(): Logger {
    return this.#logger ?? this.#defaultLogger
  }

  /** Sets other defaults. */
  suggest(options: ProcessOptions): void {
    this.#suggested = options
  }

  /** @throws `ERR_ENDLESS_OPTION_CONFLICT` if another server gave a different value */
  check(added: ProcessOptions): void {
    mergeProcessOptions(this.#given, added)
  }

  /** @throws as `check` */
  add(added: ProcessOptions): void {
    this.#given = mergeProcessOptions(this.#given, added)
    const { logger } = this.#given
    if (!logger) return
    const bindings = { name: 'endless', generation: this.#generation() } as const
    this.#logger ??= createSafeLogger(logger, this.#defaultLogger, bindings)
  }

  /**
   * Forgets all options, so that a later server may give others.
   * See docs/decisions.md, "Process options are forgotten with the last server"
   */
  forget(): void {
    this.#given = {}
    this.#logger = undefined
  }
}
