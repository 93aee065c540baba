import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import { devNull } from 'node:os'

/** A descriptor to give up when no other is left: whose rights count must be known then, too. */
let spare: number | undefined

/**
 * Returns the user of a child if it is another than ours: `uid 1000`. As root, also returns `another user`
 * if the user cannot be read.
 *
 * All ids of the process count, the real, effective, saved and file system's one (proc(5), /proc/pid/status):
 * a process that has given up its rights can still run a setuid program in its place.
 */
export function otherUserOf(pid: number): string | undefined {
  const ours = process.geteuid?.()
  const users = readUsers(pid)
  if (!users) return ours === 0 ? 'another user' : undefined
  const other = users.find((user) => user !== ours)
  return other === undefined ? undefined : `uid ${String(other)}`
}

function readUsers(pid: number): number[] | undefined {
  try {
    return readStatus(pid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE' || spare === undefined) return undefined
    closeSync(spare)
    spare = undefined
    return readUsers(pid)
  } finally {
    keepSpare()
  }
}

function keepSpare(): void {
  try {
    spare ??= openSync(devNull, 'r')
  } catch {
    // None is left; the next call has one again, or does without.
  }
}

/** @throws if there is no procfs, the process is gone, or no descriptor is left */
function readStatus(pid: number): number[] | undefined {
  // Otherwise this procfs shows the processes of another namespace, under the same numbers.
  if (readlinkSync('/proc/self') !== String(process.pid)) return undefined
  const [, users] = /^Uid:(.*)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? []
  return users?.trim().split(/\s+/).map(Number)
}
