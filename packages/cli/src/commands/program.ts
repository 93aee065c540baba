import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { type JsonOptions, preloadFile, type SpawnRequest, withEntry } from '@endless/core/for-cli'
import { Failure } from '../control/failure.js'
import { projectAt, projectOf } from '../control/project.js'

// The program of `endless run`: how it is started, and where its script is.

/** Preload that makes each server endless, also in a program that knows nothing of endless. */
const register = createRequire(import.meta.url).resolve('@endless/core/register')

/**
 * Returns how to start a program.
 *
 * @param words a script and its arguments, or with `isCommand` a command and its arguments
 * @param cwd the directory in which the user started `endless`, by its logical name
 * @param options the flags that are options of the program
 * @throws {Failure} if there is no such script, or it cannot be read
 */
export function launchOf(
  words: string[],
  isCommand: boolean,
  cwd: string,
  options?: JsonOptions,
): SpawnRequest {
  checkProgram(words, isCommand, cwd)
  const [first = '', ...rest] = words
  // `node` is the one that runs this process, whatever PATH says.
  const command = isCommand && first !== 'node' ? first : process.execPath
  const args = isCommand ? rest : words
  return withEntry(
    { command, args, cwd, env: process.env },
    {
      parent: process.pid,
      generation: 0,
      isSupervised: true,
      orphaned: 'serve',
      preload: preloadFile(),
      register,
      options,
      isNode: command === process.execPath,
    },
  )
}

/** @throws {Failure} if there is no such script, or it cannot be read */
export function checkProgram([first]: string[], isCommand: boolean, cwd: string): void {
  if (first === undefined) throw new Failure('misused', 'nothing to run: name a script')
  if (!isCommand) checkScript(first, cwd)
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

/** What a service is called, and the directory in which commands find it. */
export interface Identity {
  name: string
  directory: string
}

/**
 * Returns what a program is called: as its nearest package.json says, or else as its script. A script belongs
 * to the project that it is in, and a command to that of the working directory.
 */
export function identityOf(words: string[], isCommand: boolean, cwd: string): Identity {
  const script = path.resolve(cwd, scriptIn(words, isCommand, cwd))
  const project = isCommand ? projectAt(cwd) : projectOf(script)
  return project ?? { name: path.parse(script).name || 'service', directory: cwd }
}

/** Returns the file of a program, to which its package.json belongs; of a command without one, the directory. */
export function programFile(words: string[], isCommand: boolean, cwd: string): string {
  const script = path.resolve(cwd, scriptIn(words, isCommand, cwd))
  return isCommand && !existsSync(script) ? cwd : script
}

/** Returns the script; of a command that PATH finds, such as `node`, the first argument that is a file. */
function scriptIn([first = '', ...rest]: string[], isCommand: boolean, cwd: string): string {
  if (!isCommand || first.includes(path.sep)) return first
  const isFile = (word: string): boolean =>
    statSync(path.resolve(cwd, word), { throwIfNoEntry: false })?.isFile() === true
  return rest.find(isFile) ?? first
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
