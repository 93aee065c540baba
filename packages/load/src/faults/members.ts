import { readdirSync, readFileSync } from 'node:fs'
import { isAlive } from '../program/processes.js'

/**
 * Lists all processes whose environment has this entry at their start: `FAULTS_DIRECTORY=/tmp/x`. It also finds what
 * nobody has reported, and whose parent is gone.
 */
export function membersWith(entry: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => hasEntry(pid, entry) && isAlive(pid))
}

function hasEntry(pid: number, entry: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(entry)
  } catch {
    return false // it has ended, or is another user's
  }
}
