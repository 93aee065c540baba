import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { preloadUrl, withPreload, type SpawnRequest } from '@endless/core/supervision'

/** What cannot be run, in one line. */
export class InvalidProgram extends Error {}

/**
 * Works out how a program is started.
 *
 * @param words a script and its arguments, or, with `isCommand`, a command and its
 * @param cwd where the user started us, by the name that the user knows
 * @throws {InvalidProgram} if there is no such script, or it cannot be read
 */
export function launchOf(words: string[], isCommand: boolean, cwd: string): SpawnRequest {
  const [first, ...rest] = words
  if (first === undefined) throw new InvalidProgram('nothing to run: name a script')
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

/** Looks before anything is started: of a file that is missing Node tells in twelve lines. */
function checkScript(script: string, cwd: string): void {
  const file = path.resolve(cwd, script)
  const found = resolve(file)
  if (found === undefined) throw new InvalidProgram(`cannot run ${script}: there is no such file`)
  try {
    accessSync(found, constants.R_OK)
  } catch {
    throw new InvalidProgram(`cannot run ${script}: it is not readable`)
  }
  if (!statSync(found).isFile()) throw new InvalidProgram(`cannot run ${script}: it is no file`)
}

/** As Node does: `app` is `app.js`, and a directory its `index.js`. */
function resolve(file: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(file)
  } catch {
    return undefined
  }
}

const launchers = /(?:^|\/)(npm|npx|yarn|pnpm|tsx|nodemon)(?:-cli)?(?:\.[cm]?js)?$/
const shells = /(?:^|\/)(?:ba|da|z)?sh$/

/**
 * The launcher that has started us and keeps signals for itself: `npm`; `undefined` if there is none.
 * npm does it through a shell, which keeps them as well.
 */
export function launcherAbove(parentPid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${String(parentPid)}/cmdline`, 'utf8').split(/[\0 ]/)
    for (const word of words.slice(0, 2)) {
      const [, name] = launchers.exec(word) ?? []
      if (name !== undefined) return name
    }
    const isShell = shells.test(words[0] ?? '') && words[1] === '-c'
    return isShell ? launcherAbove(parentOf(parentPid)) : undefined
  } catch {
    // No procfs, or it has just ended: then nobody is there to keep signals.
    return undefined
  }
}

/** proc(5), /proc/pid/stat: the name of the program stands in brackets and may hold anything. */
function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}
