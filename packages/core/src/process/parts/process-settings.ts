import { createSafeLogger, type Logger } from '../../api/logger.js'
import {
  mergeProcessOptions,
  processDefaults,
  type ProcessOptions,
  type ResolvedProcessOptions,
} from '../../api/options.js'

/** What the servers of this process have said of it. */
export class ProcessSettings {
  readonly #defaultLogger: Logger
  #given: ProcessOptions = {}
  #logger: Logger | undefined

  constructor(defaultLogger: Logger) {
    this.#defaultLogger = defaultLogger
  }

  /** As of now, with the defaults of what nobody has said. */
  get current(): ResolvedProcessOptions {
    return { ...processDefaults, ...this.#given }
  }

  /** One that ends nothing, whatever the application has given. */
  get logger(): Logger {
    return this.#logger ?? this.#defaultLogger
  }

  /** @throws `ERR_ENDLESS_OPTION_CONFLICT` if another server has said otherwise */
  check(added: ProcessOptions): void {
    mergeProcessOptions(this.#given, added)
  }

  /** @throws as `check` */
  add(added: ProcessOptions): void {
    this.#given = mergeProcessOptions(this.#given, added)
    const { logger } = this.#given
    if (logger) this.#logger ??= createSafeLogger(logger, this.#defaultLogger)
  }

  /** Begins anew: a test suite makes one server after the other, and each with options of its own. */
  forget(): void {
    this.#given = {}
    this.#logger = undefined
  }
}
