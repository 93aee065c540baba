import { createSafeLogger, type Logger } from '../../api/logger.js'
import { mergeProcessOptions } from '../../api/option-checks.js'
import {
  processDefaults,
  type ProcessOptions,
  type ResolvedProcessOptions,
} from '../../api/options.js'
import { type Layer, OutsideOptions } from './outside-options.js'

/** The process options that the servers of this process gave, and those from outside its code. */
export class ProcessSettings {
  readonly #defaultLogger: Logger
  readonly #generation: () => number
  readonly #outside: OutsideOptions
  #given: ProcessOptions = {}
  #suggested: ProcessOptions = {}
  #logger: Logger | undefined

  /** @param generation returns the number of this process in the chain */
  constructor(defaultLogger: Logger, generation: () => number, outside = new OutsideOptions()) {
    this.#defaultLogger = defaultLogger
    this.#generation = generation
    this.#outside = outside
  }

  /** The options as of now, with defaults for those that no server gave. */
  get current(): ResolvedProcessOptions {
    return this.#resolve(this.#given)
  }

  /** The options in effect that somebody gave, from the strongest to the weakest. */
  get layers(): Layer<ProcessOptions>[] {
    const { flags, manifest } = this.#outside
    return [
      { from: flags.from, options: flags.process },
      { from: 'code', options: this.#given },
      { from: manifest.from, options: manifest.process },
      { from: 'default without code', options: this.#suggested },
    ]
  }

  /** A logger that never throws, even if the application's does. */
  get logger(): Logger {
    return this.#logger ?? this.#defaultLogger
  }

  /** Sets other defaults. */
  suggest(options: ProcessOptions): void {
    this.#suggested = options
  }

  /**
   * Returns the options as they will be with those of another server.
   *
   * @throws `ERR_ENDLESS_OPTION_CONFLICT` if an earlier server gave a different value
   */
  with(added: ProcessOptions): ResolvedProcessOptions {
    return this.#resolve(mergeProcessOptions(this.#given, added))
  }

  /** @throws as `with` */
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

  /** See docs/decisions.md, "A flag wins over code, and code over package.json" */
  #resolve(given: ProcessOptions): ResolvedProcessOptions {
    const { flags, manifest } = this.#outside
    return {
      ...processDefaults,
      ...this.#suggested,
      ...manifest.process,
      ...given,
      ...flags.process,
    }
  }
}
