import { accessSync, constants, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { preloadUrl, type SpawnRequest, withPreload } from '@endless/core/for-cli'
import { Failure } from '../control/failure.js'

// The program of `endless run`: how it is started, and where its script is.

/** Preload that makes each server endless, also in a program that knows nothing of endless. */
const register = createRequire(import.meta.url).resolve('@endless/core/register')

/**
 * Returns how to start a program.
 *
 * @param words a script and its arguments, or with `isCommand` a command and its arguments
 * @param cwd the directory in which the user started `endless`, by its logical name
 * @throws {Failure} if there is no such script, or it cannot be read
 */
export function launchOf(words: string[], isCommand: boolean, cwd: string): SpawnRequest {
  const [first, ...rest] = words
  if (first === undefined) throw new Failure('misused', 'nothing to run: name a script')
  if (!isCommand) checkScript(first, cwd)
  // `node` is the one that runs this process, whatever PATH says.
  const command = isCommand && first !== 'node' ? first : process.execPath
  return {
    command,
    args: isCommand ? rest : words,
    cwd,
    env: withPreload(process.env, preloadUrl(process.pid, 'serve', register)),
  }
}

/**
 * Returns the script if its path is absolute, else `''`: a link in that path may be the logical name of
 * the working directory. For a command, returns the first absolute path among its arguments. A wrong
 * guess does no harm: no link in it leads to the working directory.
 */
export function namedScript(words: string[], isCommand: boolean): string {
  const candidates = isCommand ? words.slice(1) : words.slice(0, 1)
  return candidates.find((word) => path.isAbsolute(word)) ?? ''
}

/** Checks the script before anything is started: Node reports a missing file in twelve lines. */
function checkScript(script: string, cwd: string): void {
  const file = path.resolve(cwd, script)
  const found = resolve(file)
  if (found === undefined)
    throw new Failure('misused', `cannot run ${script}: there is no such file`)
  try {
    accessSync(found, constants.R_OK)
  } catch {
    throw new Failure('misused', `cannot run ${script}: it is not readable`)
  }
  if (!statSync(found).isFile())
    throw new Failure('misused', `cannot run ${script}: it is not a file`)
}

/** Resolves a script as Node does: `app` is `app.js`, and a directory is its `index.js`. */
function resolve(file: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(file)
  } catch {
    return undefined
  }
}
