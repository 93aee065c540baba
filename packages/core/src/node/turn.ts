import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, rmdirSync } from 'node:fs'
import path from 'node:path'
import { currentUid } from './system.js'

/** A turn takes some system calls: what is as old as this was left by a process that was killed in its turn. */
const longestTurnMs = 10_000

/**
 * Runs `act`, which must not wait, unless another process does so for the same file right now; then returns
 * `undefined`. A directory beside the file stands for the turn, since only one process can create it.
 *
 * A stranger's directory of that name holds nobody up: where strangers can write, they can do worse.
 * See docs/decisions.md, "What a dead process left is taken by one at a time"
 */
export function inTurn<T>(file: string, act: () => T): T | undefined {
  const { dir, base } = path.parse(file)
  const turn = path.join(dir, `.${createHash('sha256').update(base).digest('hex').slice(0, 16)}`)
  const begun = begin(turn)
  if (begun === 'busy') return undefined
  try {
    return act()
  } finally {
    if (begun === 'ours') end(turn)
  }
}

function begin(turn: string): 'ours' | 'busy' | 'squatted' {
  for (;;) {
    try {
      mkdirSync(turn, { mode: 0o700 })
      return 'ours'
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const found = lstatSync(turn, { throwIfNoEntry: false })
    if (!found) return 'busy'
    if (!found.isDirectory() || (found.uid !== 0 && found.uid !== currentUid())) return 'squatted'
    if (Math.abs(Date.now() - found.ctimeMs) < longestTurnMs) return 'busy'
    if (!end(turn)) return 'squatted'
  }
}

function end(turn: string): boolean {
  try {
    rmdirSync(turn)
    return true
  } catch {
    return false // somebody else has ended it, or put something into it
  }
}
