import { readdirSync, readFileSync } from 'node:fs'

interface Stat {
  state: string
  parent: number
  group: number
  /** The kernel's, `PF_EXITING` among them. */
  flags: number
  /** Ticks since boot: with the pid it names one process, also after the pid was given again. */
  startTime: string
}

/** One process, told apart from a later one that got the same pid. */
export interface ProcessIdentity {
  pid: number
  startTime: string | undefined
}

/** Returns who has the pid now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTime: statOf(pid)?.startTime }
}

/** Tells whether the process runs; one that ended and was not reaped yet does not. */
export function isAlive(process: number | ProcessIdentity): boolean {
  const { pid, startTime } = typeof process === 'number' ? identify(process) : process
  if (!signalExists(pid)) return false
  const stat = statOf(pid)
  if (!stat) return !hasProc
  return stat.state !== 'Z' && stat.state !== 'X' && stat.startTime === startTime
}

/**
 * Tells whether the process has begun to exit: it runs no code of its own any more. The kernel closes its
 * files a little before it can be reaped, so whoever reads the end of a connection may still see its pid.
 */
export function hasExited(pid: number): boolean {
  if (!signalExists(pid)) return true
  const stat = statOf(pid)
  if (!stat) return hasProc
  return stat.state === 'Z' || stat.state === 'X' || (stat.flags & exiting) !== 0
}

/** `PF_EXITING` (Linux, include/linux/sched.h). */
const exiting = 0x4

/**
 * Lists the processes of a group, and the children of these parents: also successors that never reported
 * anything. Empty where there is no /proc.
 */
export function family(group: number, parents: ReadonlySet<number>): ProcessIdentity[] {
  if (!hasProc) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), stat: statOf(Number(name)) }))
    .filter(({ stat }) => stat && stat.state !== 'Z')
    .filter(({ stat }) => stat?.group === group || parents.has(stat?.parent ?? 0))
    .map(({ pid, stat }) => ({ pid, startTime: stat?.startTime }))
}

/** Sends a signal, if this very process is still there. */
export function signalProcess(process: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(process)) return
  try {
    globalThis.process.kill(process.pid, signal)
  } catch (error) {
    // It may have ended since the look; that is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const hasProc = statOf(process.pid) !== undefined

function statOf(pid: number): Stat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    // No such process, or no /proc: both mean that nothing is known.
    return undefined
  }
  // The name of the program stands in brackets and may hold anything, brackets and spaces too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const { 0: state = '', 1: parent, 2: group, 6: flags, 19: startTime = '' } = fields
  return { state, parent: Number(parent), group: Number(group), flags: Number(flags), startTime }
}

function signalExists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
