import { readdirSync, readFileSync } from 'node:fs'

// Identifies, finds and signals processes, with the help of /proc where it exists.

interface Stat {
  state: string
  parent: number
  group: number
  /** The kernel's task flags, such as `PF_EXITING`. */
  flags: number
  /** In ticks since boot. Together with the pid it identifies one process, even after the pid was reused. */
  startTime: string
}

/** The identity of one process; unlike a pid alone, it never matches a later process that reuses the pid. */
export interface ProcessIdentity {
  pid: number
  startTime: string | undefined
}

/** Returns the identity of the process that has the pid now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTime: statOf(pid)?.startTime }
}

/** Whether the process runs. A process that has ended but was not reaped yet (a zombie) does not. */
export function isAlive(process: number | ProcessIdentity): boolean {
  const { pid, startTime } = typeof process === 'number' ? identify(process) : process
  if (!signalExists(pid)) return false
  const stat = statOf(pid)
  if (!stat) return !hasProc
  return stat.state !== 'Z' && stat.state !== 'X' && stat.startTime === startTime
}

/**
 * Whether the process has begun to exit, and so runs no more code of its own. The kernel closes its files
 * shortly before it can be reaped, so a client that reads the end of a connection may still see the pid.
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
 * Lists the processes of a group and the children of `parents`, which include successors that never
 * reported. Returns an empty list where there is no /proc.
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

/** Sends a signal, unless the process has ended: a later process with the same pid gets none. */
export function signalProcess(process: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(process)) return
  try {
    globalThis.process.kill(process.pid, signal)
  } catch (error) {
    // ESRCH: it has ended since the check, so it needs no signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const hasProc = statOf(process.pid) !== undefined

function statOf(pid: number): Stat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    // No such process, or no /proc: in both cases nothing is known.
    return undefined
  }
  // The program's name is in parentheses and may itself contain parentheses and spaces.
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
