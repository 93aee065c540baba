import { existsSync, realpathSync } from 'node:fs'
import path from 'node:path'

// What a process was started with. A program may change all of it before core is loaded.
// See docs/decisions.md, "What a process was started with is copied first"

/** What a process was started with. */
export interface Start {
  /** Node's path, the script and its arguments. */
  readonly argv: readonly string[]
  /** Node's options. */
  readonly execArgv: readonly string[]
  /** The directory, as the kernel knows it; '' if it had been deleted. */
  readonly directory: string
  /** Where the program is, as `programPlaces` returned it then: a link may lead elsewhere later. */
  readonly places: readonly string[]
}

/** Key on `globalThis` under which a preload leaves a {@link Start}; preload.ts and register.cts write it out. */
export const startKey = Symbol.for('@endless/core:start')

/**
 * Returns the words of a command line (/proc/self/cmdline) behind Node's path, without what was added to them.
 *
 * @param added options, each of some words: `[['--inspect-port=0']]`
 */
export function commandWords(
  commandLine: string | undefined,
  added: readonly string[][] = [],
): string[] {
  const [, ...words] = commandLine?.split('\0').slice(0, -1) ?? []
  for (const option of added) {
    const at = words.findIndex((_, from) =>
      option.every((word, index) => words[from + index] === word),
    )
    if (at >= 0) words.splice(at, option.length)
  }
  return words
}

/**
 * Returns the arguments that a program was started with: `['/usr/bin/node', '/srv/app.js', 'start']`. Some
 * programs take their subcommand off `process.argv` before they load core (fastify-cli does), and some take themselves
 * off, to run another script in their place (ts-node, babel-node). Their successors need all of it.
 *
 * @param argv `process.argv` as it is now
 * @param execArgv Node's options
 * @param words the words of the command line. They count only while they match `execArgv` and a script:
 * `process.title` overwrites them.
 */
export function startArguments(
  argv: readonly string[],
  execArgv: readonly string[],
  words: readonly string[],
): string[] {
  const [node, script, ...left] = argv
  const [named, ...given] = programIn(words, execArgv)
  if (node === undefined || script === undefined || named === undefined) return [...argv]
  if (path.basename(named) !== path.basename(script)) {
    return existsSync(named) ? [node, path.resolve(named), ...given] : [...argv]
  }
  // Where nothing was taken off, `argv` stays as the program has it, even if it differs.
  return given.length > left.length ? [node, script, ...given] : [...argv]
}

/**
 * Returns the directory in which a process was started, as the kernel knows it. A program may have changed its
 * directory before it loads core. The script shows that: Node has resolved its path at the start.
 *
 * @param cwd the directory of now
 * @param told the directory that the parent has named
 */
export function startDirectory(
  argv: readonly string[],
  execArgv: readonly string[],
  words: readonly string[],
  cwd: string,
  told?: string,
): string {
  try {
    if (told !== undefined) return realpathSync(told)
  } catch {
    // It has been deleted meanwhile.
  }
  const [, script = ''] = argv
  const [named = ''] = programIn(words, execArgv)
  const relative = path.normalize(named)
  const end = path.sep + relative
  if (!path.isAbsolute(relative) && !relative.startsWith('..') && script.endsWith(end)) {
    return script.slice(0, -end.length) || path.sep
  }
  return cwd
}

/** Returns the script and its arguments in a command line; nothing if its words are not those of the start. */
function programIn(words: readonly string[], execArgv: readonly string[]): readonly string[] {
  const isStart = execArgv.every((option, at) => words[at] === option)
  return isStart && words[execArgv.length] !== '' ? words.slice(execArgv.length) : []
}
