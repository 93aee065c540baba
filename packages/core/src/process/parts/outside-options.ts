import { keysIn, parseJsonOptions } from '../../api/json-options.js'
import { parseOptions } from '../../api/option-checks.js'
import type { ProcessOptions, ServerOptions } from '../../api/options.js'
import { findOptions } from '../../node/manifest.js'

// The options that do not come from the code of the program.

/** Options of one kind that somebody gave, and where. */
export interface Layer<Options> {
  /** `code`, `/srv/shop/package.json`. */
  readonly from: string
  readonly options: Options
}

/** What one place outside the code says. */
interface Source {
  readonly from: string
  readonly server: ServerOptions
  readonly process: ProcessOptions
}

/** How the flags of `endless run` are called where options are listed. */
export const flagsName = 'endless run'

/**
 * Reads the options of a program from its package.json.
 *
 * @param uid the user of this process; `undefined` on Windows
 * @throws `ERR_ENDLESS_INVALID_OPTION`
 */
export function readManifestOptions(
  places: readonly string[],
  uid: number | undefined,
): Source | undefined {
  const manifest = findOptions(places, uid)
  if (!manifest) return undefined
  const { file, content } = manifest
  return sourceOf(file, content['endless'], keysIn(file))
}

/** Returns the options that the parent of this process has passed on: the flags of `endless run`. */
export function flagOptions(flags: unknown): Source | undefined {
  return flags === undefined
    ? undefined
    : sourceOf(flagsName, flags, (name) => `${flagsName}: ${name}`)
}

/** The flags of `endless run`, which win over the code, and package.json, which fills in what the code leaves out. */
export class OutsideOptions {
  readonly #readFlags: () => Source | undefined
  readonly #readManifest: () => Source | undefined
  #flags: Source = { from: flagsName, server: {}, process: {} }
  #manifest: Source = { from: 'package.json', server: {}, process: {} }
  #isRead = false

  constructor(
    readFlags: () => Source | undefined = () => undefined,
    readManifest: () => Source | undefined = () => undefined,
  ) {
    this.#readFlags = readFlags
    this.#readManifest = readManifest
  }

  get flags(): Source {
    return this.#flags
  }

  get manifest(): Source {
    return this.#manifest
  }

  /**
   * Reads them, when the first server becomes endless: a program that serves nothing may have any package.json.
   *
   * @throws `ERR_ENDLESS_INVALID_OPTION`
   */
  read(): void {
    if (this.#isRead) return
    this.#flags = this.#readFlags() ?? this.#flags
    this.#manifest = this.#readManifest() ?? this.#manifest
    this.#isRead = true
  }

  /** Returns the options of a server of which the code says `code`. */
  forServer(code: ServerOptions): ServerOptions {
    return { ...this.manifest.server, ...code, ...this.flags.server }
  }

  /** Returns the options of a server that somebody gave, from the strongest to the weakest. */
  layersOf(code: ServerOptions): Layer<ServerOptions>[] {
    const { flags, manifest } = this
    return [
      { from: flags.from, options: flags.server },
      { from: 'code', options: code },
      { from: manifest.from, options: manifest.server },
    ]
  }
}

function sourceOf(from: string, value: unknown, nameOf: (name: string) => string): Source {
  return { from, ...parseOptions(parseJsonOptions(value, nameOf)) }
}
