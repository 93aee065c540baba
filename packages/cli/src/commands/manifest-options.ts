import path from 'node:path'
import {
  type EndlessOptions,
  findOptions,
  keysIn,
  messageOf,
  parseJsonOptions,
  programPlaces,
  type SupervisorOptions,
  supervisorOptionsIn,
} from '@endless/core/for-cli'
import { currentAsker } from '../control/asker.js'
import { Failure } from '../control/failure.js'

// The options in the package.json of a program, as `endless run` checks them before it starts anything.

/** Options of the package.json of a program. */
export interface ManifestOptions {
  file: string
  options: EndlessOptions
  supervisor: SupervisorOptions
}

/**
 * Checks the options in a program's package.json, and returns them; `undefined` if there are none.
 *
 * @param script the file of the program
 * @param cwd the directory from which errors name the file
 * @throws {Failure} if an option is unknown or its value makes no sense
 */
export function manifestOptions(script: string, cwd: string): ManifestOptions | undefined {
  const manifest = findOptions(programPlaces(script), currentAsker().uid)
  if (!manifest) return undefined
  const { file, content } = manifest
  const relative = path.relative(cwd, file)
  const name = relative.startsWith('..') ? file : relative
  try {
    const given = content['endless']
    const options = parseJsonOptions(given, keysIn(name))
    return { file, options, supervisor: supervisorOptionsIn(given as object) }
  } catch (error) {
    throw new Failure('misused', messageOf(error))
  }
}
