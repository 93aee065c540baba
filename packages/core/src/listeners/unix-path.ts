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

/** Who may connect to a Unix socket: writing is what it takes (unix(7)). */
export interface SocketRights {
  /** @default as it is */
  mode: number | undefined
  owner: { uid?: number; gid?: number } | undefined
}

/** `sun_path` less its final NUL (unix(7)); what is longer Node 20 and 22 cut off without a word. */
const longestBytes = os.platform() === 'linux' ? 107 : 103

/** Whether this is a name of Linux without a file: `'\0app'`. */
export function isAbstract(name: string): boolean {
  return name.startsWith('\0')
}

/**
 * Makes a path of a Unix socket absolute.
 *
 * @throws `ERR_ENDLESS_INVALID_ADDRESS` if it is longer than the kernel takes
 */
export function resolveSocketPath(given: string, directory: string): string {
  if (isAbstract(given)) return given
  const resolved = path.resolve(directory, given)
  const bytes = Buffer.byteLength(resolved)
  if (bytes <= longestBytes) return resolved
  throw new EndlessError(
    'ERR_ENDLESS_INVALID_ADDRESS',
    `Cannot listen on '${resolved}': it has ${String(bytes)} bytes, and the path of a Unix socket ` +
      `may have ${String(longestBytes)}. Use a shorter one.`,
  )
}

/** Names a file beside another that is not there yet, and is no longer than the kernel takes. */
export function temporaryName(target: string): string {
  const directory = path.join(path.dirname(target), path.sep)
  const room = longestBytes - Buffer.byteLength(directory)
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const name = directory + randomBytes(6).toString('hex').slice(0, room)
    if (!lstatSync(name, { throwIfNoEntry: false })) return name
  }
  throw Object.assign(new Error('no short name is free'), { code: 'EEXIST' })
}

/** What a path leads to; no other file has the same, before or after, while the socket is open. */
export function identityAt(file: string): string | undefined {
  const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false })
  return stats && identityOf(stats)
}

function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return [dev, ino, birthtimeNs].join(':')
}

/** Whether a path still leads to the socket that was bound there; as far as that is ours to know. */
export function leadsTo({ path: name, identity }: UnixAddress): boolean {
  if (identity === '') return true
  try {
    return identityAt(name) === identity
  } catch {
    return false // a directory on the way is gone, or forbidden
  }
}

/** Removes a path, if it still leads to the socket that was bound there. */
export function removePath(bound: UnixAddress): void {
  if (bound.identity === '' || !leadsTo(bound)) return
  try {
    unlinkSync(bound.path)
  } catch {
    // Not ours to remove (any more): the next who listens there finds it stale.
  }
}

/** Gives a file its name, unless something has it: then that throws EEXIST. */
export function giveName(temporary: string, target: string): void {
  try {
    linkSync(temporary, target)
  } catch (error) {
    const isTaken = lstatSync(target, { throwIfNoEntry: false }) !== undefined
    if (isTaken || (error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw Object.assign(new Error('the path exists', { cause: error }), { code: 'EEXIST' })
    }
    // No hard links here: with a gap, as small as it can be, in which somebody may have taken it.
    renameSync(temporary, target)
  }
}

/**
 * Clears a path of a socket that nobody listens on any more; answers whether it may be free now.
 *
 * @throws if such a socket must not be removed
 */
export async function clearStale(target: string): Promise<boolean> {
  const found = lstatSync(target, { bigint: true, throwIfNoEntry: false })
  if (!found) return true
  if (!found.isSocket()) return false
  const refusal = await refusalAt(target)
  if (refusal === 'ENOENT') return true
  if (refusal !== 'ECONNREFUSED') return false
  // Out of the way before it is looked at again: two that start at once both see the same dead one.
  const aside = temporaryName(target)
  try {
    renameSync(target, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true // somebody else did it
    throw error
  }
  try {
    if (identityAt(aside) !== identityOf(found)) linkSync(aside, target)
  } finally {
    unlinkSync(aside)
  }
  return true
}

/** Why nobody can connect; `undefined` if somebody listens. Does not wait: a full queue is EAGAIN. */
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

/** Gives a socket its rights, where it has others. */
export function applyRights(file: string, rights: SocketRights): void {
  const { mode, uid, gid } = lstatSync(file)
  if (rights.mode !== undefined && rights.mode !== (mode & 0o777)) chmodSync(file, rights.mode)
  const owner = { uid, gid, ...rights.owner }
  if (owner.uid !== uid || owner.gid !== gid) lchownSync(file, owner.uid, owner.gid)
}
