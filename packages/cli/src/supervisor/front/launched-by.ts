import { readFileSync } from 'node:fs'

// Finds the launcher that started this process.

const launchers = /(?:^|\/)(npm|npx|yarn|pnpm|tsx|nodemon)(?:-cli)?(?:\.[cm]?js)?$/
const shells = /(?:^|\/)(?:ba|da|z)?sh$/

/**
 * Returns the launcher that started a child of `parentPid` and does not forward every signal, such as
 * `npm`; `undefined` if there is none, or if it was asked for this very command. npm starts the child by a
 * shell, which does not forward them either.
 */
export function launchedBy(parentPid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${String(parentPid)}/cmdline`, 'utf8').split(/[\0 ]/)
    for (const word of words.slice(0, 2)) {
      const [, name] = launchers.exec(word) ?? []
      if (name !== undefined) return isAsked(words) ? undefined : name
    }
    const isShell = shells.test(words[0] ?? '') && words[1] === '-c'
    return isShell ? launchedBy(parentOf(parentPid)) : undefined
  } catch {
    // There is no procfs, or the launcher has just ended and no longer matters.
    return undefined
  }
}

/**
 * Whether somebody had the launcher run this command by its name, as `npx endless run app.js` does. Who types that
 * goes on with `endless restart`; a script such as `npm start` may stand in a unit or an image, which signals it.
 */
function isAsked(words: string[]): boolean {
  const at = words.findIndex((word) => /^(?:endless|@endless\/cli)(?:@|$)/.test(word))
  return at > 0 && !words.slice(0, at).some((word) => /^run(?:-script)?$/.test(word))
}

/** Reads a parent's pid from /proc/pid/stat (proc(5)): the name is in brackets and may hold anything. */
function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}
