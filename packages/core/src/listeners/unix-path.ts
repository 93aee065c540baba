import { randomBytes } from 'node:crypto'
import { type BigIntStats, linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { EndlessError } from '../api/endless-error.js'
import { identityAt } from '../node/file-identity.js'
import { inTurn } from '../node/turn.js'
import type { UnixAddress } from './address.js'

// The path of a Unix socket: its length, what it leads to, and what a dead process left there.

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
  const problem = pathProblem(resolved)
  if (problem === undefined) return resolved
  throw new EndlessError(
    'ERR_ENDLESS_INVALID_ADDRESS',
    `Cannot listen on '${resolved}': ${problem}`,
  )
}

/** Returns why no socket can have an absolute path, and what to do; `undefined` if one can. */
export function pathProblem(absolute: string): string | undefined {
  const bytes = Buffer.byteLength(absolute)
  if (bytes <= longestBytes) return undefined
  return (
    `it has ${String(bytes)} bytes, but the path of a Unix socket may have at most ` +
    `${String(longestBytes)}. Use a shorter path.`
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
  // Of two processes that start at once and find the same dead socket, the slower must not remove the new socket
  // of the faster.
  return inTurn(target, () => removeIfUnchanged(target, found)) ?? false
}

/**
 * Removes a dead socket; returns whether the path may be free. A new socket may have the dead one's inode, and
 * not every file system knows births: but it was changed later.
 */
function removeIfUnchanged(target: string, found: BigIntStats): true {
  const now = lstatSync(target, { bigint: true, throwIfNoEntry: false })
  const isSame = now?.ino === found.ino && now.dev === found.dev && now.ctimeNs === found.ctimeNs
  if (isSame) unlinkSync(target)
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
