import { readFileSync, readlinkSync } from 'node:fs'

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
    // Otherwise this procfs shows the processes of another namespace, under the same numbers.
    if (readlinkSync('/proc/self') !== String(process.pid)) return undefined
    const [, users] = /^Uid:(.*)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? []
    return users?.trim().split(/\s+/).map(Number)
  } catch {
    return undefined // there is no procfs, or the process is gone
  }
}
