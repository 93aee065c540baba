import { randomBytes } from 'node:crypto'
import {
  type BigIntStats,
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  renameSync,
  unlinkSync,
} from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { EndlessError } from '../api/endless-error.js'
import type { UnixAddress } from './address.js'

// The path of a Unix socket: its length, rights and identity, and what a dead process left there.

/** Rights of a Unix socket's file; to connect, a client needs the right to write (unix(7)). */
export interface SocketRights {
  /** @default unchanged */
  mode: number | undefined
  owner: { uid?: number; gid?: number } | undefined
}

/** Size of `sun_path` without its final NUL (unix(7)); Node 20 and 22 silently cut a longer path off. */
const longestBytes = os.platform() === 'linux' ? 107 : 103

/** Whether a name is that of an abstract socket of Linux, which has no file: `'\0app'`. */
export function isAbstract(name: string): boolean {
  return name.startsWith('\0')
}

/**
 * Makes the path of a Unix socket absolute.
 *
 * @throws `ERR_ENDLESS_INVALID_ADDRESS` if the path is longer than the kernel allows
 */
export function resolveSocketPath(given: string, directory: string): string {
  if (isAbstract(given)) return given
  const resolved = path.resolve(directory, given)
  const bytes = Buffer.byteLength(resolved)
  if (bytes <= longestBytes) return resolved
  throw new EndlessError(
    'ERR_ENDLESS_INVALID_ADDRESS',
    `Cannot listen on '${resolved}': it has ${String(bytes)} bytes, but the path of a Unix socket ` +
      `may have at most ${String(longestBytes)}. Use a shorter path.`,
  )
}

/** Returns a free name in the directory of a file, no longer than the kernel allows. */
export function temporaryName(target: string): string {
  const directory = path.join(path.dirname(target), path.sep)
  const room = longestBytes - Buffer.byteLength(directory)
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const name = directory + randomBytes(6).toString('hex').slice(0, room)
    if (!lstatSync(name, { throwIfNoEntry: false })) return name
  }
  throw Object.assign(new Error('no short name is free'), { code: 'EEXIST' })
}

/**
 * Returns the identity of the file at a path, `undefined` if there is none.
 * See docs/decisions.md, "A path is known by device, inode and time of birth"
 */
export function identityAt(file: string): string | undefined {
  const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false })
  return stats && identityOf(stats)
}

function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return [dev, ino, birthtimeNs].join(':')
}

/** Whether a path still leads to the socket that was bound there; always, if it has no identity. */
export function leadsTo({ path: name, identity }: UnixAddress): boolean {
  if (identity === '') return true
  try {
    return identityAt(name) === identity
  } catch {
    return false // a directory of the path is gone, or may not be searched
  }
}

/** Removes a path if it still leads to the socket that was bound there. */
export function removePath(bound: UnixAddress): void {
  if (bound.identity === '' || !leadsTo(bound)) return
  try {
    unlinkSync(bound.path)
  } catch {
    // Already gone, or not ours to remove: the next process that listens there finds it stale.
  }
}

/**
 * Gives a file its final name.
 *
 * @throws `EEXIST` if there is a file of this name
 */
export function giveName(temporary: string, target: string): void {
  try {
    linkSync(temporary, target)
  } catch (error) {
    const isTaken = lstatSync(target, { throwIfNoEntry: false }) !== undefined
    if (isTaken || (error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw Object.assign(new Error('the path exists', { cause: error }), { code: 'EEXIST' })
    }
    // No hard links here: rename. In the small gap since `lstat`, another process may take the name.
    renameSync(temporary, target)
  }
}

/**
 * Removes a socket's path if no process listens there any more. Resolves with whether the path may be
 * free now.
 *
 * @throws (rejects) if this user may not remove such a socket
 */
export async function clearStale(target: string): Promise<boolean> {
  const found = lstatSync(target, { bigint: true, throwIfNoEntry: false })
  if (!found) return true
  if (!found.isSocket()) return false
  const refusal = await refusalAt(target)
  if (refusal === 'ENOENT') return true
  if (refusal !== 'ECONNREFUSED') return false
  // Renamed before it is checked again: of two processes that start at once and find the same stale
  // socket, the slower must not remove the new socket of the faster.
  const aside = temporaryName(target)
  try {
    renameSync(target, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true // another process removed it
    throw error
  }
  try {
    if (identityAt(aside) !== identityOf(found)) linkSync(aside, target)
  } finally {
    unlinkSync(aside)
  }
  return true
}

/**
 * Tries to connect: resolves with the error code, or with `undefined` if a process listens there. Does
 * not wait: a full queue is EAGAIN.
 */
function refusalAt(target: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(target, () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code)
    })
  })
}

/** Sets the rights of a socket's file where they differ. */
export function applyRights(file: string, rights: SocketRights): void {
  const { mode, uid, gid } = lstatSync(file)
  if (rights.mode !== undefined && rights.mode !== (mode & 0o777)) chmodSync(file, rights.mode)
  const owner = { uid, gid, ...rights.owner }
  if (owner.uid !== uid || owner.gid !== gid) lchownSync(file, owner.uid, owner.gid)
}
