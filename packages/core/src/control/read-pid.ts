import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** What a pid file says, and since when. */
export interface NamedPid {
  pid: number
  /** When the file was written (`Date.now()`). */
  writtenMs: number
}

/** More than a pid and what editors put around it. */
const mostBytes = 64

/** The largest pid of any system that Node runs on. */
const largestPid = 2_147_483_647

/**
 * Reads a pid file; `undefined` if no file is there, or none that holds a pid. Neither follows a link, nor waits:
 * another user may have put anything there, such as a pipe.
 *
 * @throws Node's error if the file cannot be read
 */
export function readPid(file: string): NamedPid | undefined {
  let opened: number
  try {
    opened = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    // A link is ELOOP, and EMLINK on FreeBSD; a socket ENXIO, and EOPNOTSUPP on macOS.
    if (['ENOENT', 'ELOOP', 'EMLINK', 'ENXIO', 'EOPNOTSUPP'].includes(code)) return undefined
    throw error
  }
  try {
    const stats = fstatSync(opened)
    if (!stats.isFile() || stats.size > mostBytes) return undefined
    const bytes = Buffer.alloc(mostBytes)
    const text = bytes.toString('latin1', 0, readSync(opened, bytes)).trim()
    const pid = /^\d{1,10}$/.test(text) ? Number(text) : 0
    return pid >= 1 && pid <= largestPid ? { pid, writtenMs: stats.mtimeMs } : undefined
  } finally {
    closeSync(opened)
  }
}
