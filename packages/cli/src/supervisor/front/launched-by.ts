import { readFileSync } from 'node:fs'

const launchers = /(?:^|\/)(npm|npx|yarn|pnpm|tsx|nodemon)(?:-cli)?(?:\.[cm]?js)?$/
const shells = /(?:^|\/)(?:ba|da|z)?sh$/

/**
 * The launcher that has started us and keeps signals for itself: `npm`; `undefined` if there is none.
 * npm does it through a shell, which keeps them as well.
 */
export function launchedBy(parentPid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${String(parentPid)}/cmdline`, 'utf8').split(/[\0 ]/)
    for (const word of words.slice(0, 2)) {
      const [, name] = launchers.exec(word) ?? []
      if (name !== undefined) return name
    }
    const isShell = shells.test(words[0] ?? '') && words[1] === '-c'
    return isShell ? launchedBy(parentOf(parentPid)) : undefined
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
