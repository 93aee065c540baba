import { closeSync, constants, existsSync, openSync } from 'node:fs'
import os from 'node:os'

// A file that is open only so that it can be named: what its name leads to can change, the file cannot.

/** `O_PATH` of Linux, which opens any file, also a socket, and reads nothing (open(2)); Node has no name for it. */
const pathOnly = 0o10000000

/**
 * Opens a file without following a link in its last part; `undefined` where that is not possible (not Linux, no
 * procfs).
 *
 * @throws Node's error if there is no such file
 */
export function openName(file: string): number | undefined {
  if (os.platform() !== 'linux') return undefined
  const opened = openSync(file, pathOnly | constants.O_NOFOLLOW)
  if (existsSync(namedBy(opened))) return opened
  closeSync(opened)
  return undefined
}

/** Returns a path that leads to an open file, whatever becomes of its name (proc(5), /proc/pid/fd). */
export function namedBy(opened: number): string {
  return `/proc/self/fd/${String(opened)}`
}
