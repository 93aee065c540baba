import { accessSync, constants, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { preloadUrl, type SpawnRequest, withPreload } from '@endless/core/for-cli'
import { Failure } from '../control/failure.js'

/**
 * Works out how a program is started.
 *
 * @param words a script and its arguments, or, with `isCommand`, a command and its
 * @param cwd where the user started us, by the name that the user knows
 * @throws {Failure} if there is no such script, or it cannot be read
 */
export function launchOf(words: string[], isCommand: boolean, cwd: string): SpawnRequest {
  const [first, ...rest] = words
  if (first === undefined) throw new Failure('misused', 'nothing to run: name a script')
  if (!isCommand) checkScript(first, cwd)
  const command = isCommand && first !== 'node' ? first : process.execPath
  return {
    // The `node` that runs this, whatever PATH says.
    command,
    args: isCommand ? rest : words,
    cwd,
    env: withPreload(process.env, preloadUrl(process.pid)),
  }
}

/**
 * The script, if it is named by its whole path, else '': a link in there may be the name of the directory. Of a command it is
 * the first argument that is such a path, which may be something else; but then no link in it leads to our directory.
 */
export function namedScript(words: string[], isCommand: boolean): string {
  const candidates = isCommand ? words.slice(1) : words.slice(0, 1)
  return candidates.find((word) => path.isAbsolute(word)) ?? ''
}

/** Looks before anything is started: of a file that is missing Node tells in twelve lines. */
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
  if (!statSync(found).isFile()) throw new Failure('misused', `cannot run ${script}: it is no file`)
}

/** As Node does: `app` is `app.js`, and a directory its `index.js`. */
function resolve(file: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(file)
  } catch {
    return undefined
  }
}
