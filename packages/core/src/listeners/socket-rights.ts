import {
  type BigIntStats,
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  lstatSync,
  realpathSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { identityOf } from '../node/file-identity.js'
import { namedBy, openName } from '../node/opened-name.js'
import { currentUid } from '../node/system.js'

// Mode and owner of a Unix socket's file.

/** Rights of a Unix socket's file; to connect, a client needs the right to write (unix(7)). */
export interface SocketRights {
  /** @default unchanged */
  mode: number | undefined
  owner: { uid?: number; gid?: number } | undefined
}

/** A file that was looked at, and how to reach this very file until it is released. */
interface HeldFile {
  stats: BigIntStats
  /** @throws `EPERM` if no path is sure to lead to it */
  readonly path: () => string
  readonly release: () => void
}

/**
 * Sets the rights of a socket's file where they differ. Nothing else is ever touched: not another file that
 * somebody has put there, nor what a link leads to.
 *
 * See docs/decisions.md, "Rights are set on the file, not on its name"
 *
 * @throws if the path does not lead to the socket of this identity
 * @throws `EPERM` where it cannot be told what the name will lead to in the next moment
 */
export function applyRights(file: string, identity: string, rights: SocketRights): void {
  const { stats, path, release } = holdOpened(file) ?? holdByName(file)
  try {
    if (!stats.isSocket() || identityOf(stats) !== identity) {
      throw new Error('another file is there by now, which is left as it is')
    }
    const [mode, uid, gid] = [Number(stats.mode) & 0o777, Number(stats.uid), Number(stats.gid)]
    const wanted = rights.mode ?? mode
    if (wanted !== mode) chmodSync(path(), wanted)
    const owner = { uid, gid, ...rights.owner }
    if (owner.uid !== uid || owner.gid !== gid) chownSync(path(), owner.uid, owner.gid)
  } finally {
    release()
  }
}

/** Opens the file; `undefined` where the system has no way to name an open file. */
function holdOpened(file: string): HeldFile | undefined {
  const opened = openName(file)
  if (opened === undefined) return undefined
  const release = (): void => {
    closeSync(opened)
  }
  return { stats: fstatSync(opened, { bigint: true }), path: () => namedBy(opened), release }
}

/** Takes the file by its name, which is sure to lead to it if nobody else can put another file there. */
function holdByName(file: string): HeldFile {
  const path = (): string => {
    mustBeGuarded(file)
    return file
  }
  return { stats: lstatSync(file, { bigint: true }), path, release: () => undefined }
}

/**
 * Checks that a name is sure to lead to the same file in the next moment.
 *
 * @throws `EPERM` if it is not
 */
export function mustBeGuarded(file: string): void {
  if (isGuarded(file)) return
  const found = `another user can replace ${file}, or a directory of its path`
  const error = new Error(`EPERM: ${found}: its rights cannot be set safely on this system`)
  throw Object.assign(error, { code: 'EPERM', errno: -os.constants.errno.EPERM })
}

/** Whether only root and this user can replace a file: by its directory, and by each directory above. */
export function isGuarded(file: string): boolean {
  const isTrusted = (uid: number): boolean => uid === 0 || uid === currentUid()
  let at = path.join(realpathSync(path.dirname(file)), path.basename(file))
  let owner = lstatSync(at).uid
  while (at !== path.dirname(at)) {
    at = path.dirname(at)
    const { uid, mode } = lstatSync(at)
    const isOpen = (mode & 0o022) !== 0
    // In a sticky directory, only the owner of a file can replace it.
    const isSticky = (mode & 0o1000) !== 0
    if (!isTrusted(uid) || (isOpen && !(isSticky && isTrusted(owner)))) return false
    owner = uid
  }
  return true
}
