import { readFileSync } from 'node:fs'
import os from 'node:os'

// Whether a process is the one that a file names, or another one that got its pid later.

/** Clocks tick in steps, and the time of a file may be some milliseconds old. */
const slackMs = 2_000

/** Clock ticks of /proc/pid/stat in a second: 100 on every platform of Node (proc(5), USER_HZ). */
const ticksPerSecond = 100

/**
 * Whether the process that has this pid may have run at `momentMs` (`Date.now()`), and still runs. Yes, where
 * that cannot be told.
 */
export function mayHaveRunAt(pid: number, momentMs: number): boolean {
  const [own, other] = [statOf('self'), statOf(String(pid))]
  if (other && 'ZX'.includes(other.state)) return false // it has ended, and its parent has not noticed
  const bootMs = Date.now() - os.uptime() * 1_000
  const isBefore = (beganMs: number): boolean => beganMs <= momentMs + slackMs
  // Without procfs: at least, nothing that runs is older than the system.
  if (!own || !other) return isBefore(bootMs)
  const beganMs = ({ ticks }: ProcessStat): number => bootMs + (ticks / ticksPerSecond) * 1_000
  // Where this is wrong of ourselves it tells nothing: the clock has been set since, or the container shows the
  // time since its own boot, while processes count from that of the machine.
  if (beganMs(own) > performance.timeOrigin + slackMs) return true
  return isBefore(beganMs(other))
}

/** The parent of a process; `undefined` where that cannot be told. */
export function parentOf(pid: number): number | undefined {
  return statOf(String(pid))?.parent
}

/** A part of /proc/pid/stat (proc(5)). */
interface ProcessStat {
  state: string
  parent: number
  /** When it began, in clock ticks since boot. */
  ticks: number
}

function statOf(pid: string): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name is in brackets and may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', parent: Number(fields[1]), ticks: Number(fields[19]) }
  } catch {
    return undefined // no procfs, or none of this process: it has just ended, or is hidden
  }
}
