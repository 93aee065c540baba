import { lstatSync, mkdirSync, type Stats, statSync } from 'node:fs'
import path from 'node:path'
import type { Asker } from './asker.js'

// The directories of a user in which named services keep their control sockets.
// See docs/decisions.md, "A name is a socket in a directory of the user's own"

/** Not `$TMPDIR`, which differs between a login, cron and a container's shell. */
const temporary = '/tmp'

/** Returns the directories for the socket of a service that starts; the first that can be used is taken. */
export function directoriesToKeep(asker: Asker): string[] {
  const { uid, runtimeDirectory } = asker
  if (uid === undefined) return []
  return [
    ...(runtimeDirectory !== undefined && isOwn(runtimeDirectory, uid)
      ? [path.join(runtimeDirectory, 'endless')]
      : []),
    path.join(temporary, `endless-services-${String(uid)}`),
  ]
}

/**
 * Returns the directories in which a service may be, which are there and can be trusted. A service of a login
 * is found by cron, which has no `$XDG_RUNTIME_DIR`, and the other way round.
 */
export function directoriesToSearch(asker: Asker): string[] {
  const { uid } = asker
  if (uid === undefined) return []
  const ofLogins = path.join('/run/user', String(uid))
  const all = [
    ...directoriesToKeep(asker),
    ...(isOwn(ofLogins, uid) ? [path.join(ofLogins, 'endless')] : []),
  ]
  return [...new Set(all)].filter((directory) => {
    const found = look(directory)
    return found && problemOf(directory, found, uid) === undefined
  })
}

/**
 * Creates a directory that only its user may enter, and checks one that is there. Returns why it cannot be
 * used, or `undefined`.
 */
export function makeDirectory(directory: string, uid: number): string | undefined {
  const parent = path.dirname(directory)
  if (!isGuarded(parent, uid)) {
    return `other users may replace what is in ${parent}`
  }
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return (error as Error).message
  }
  const found = look(directory)
  return found ? problemOf(directory, found, uid) : `${directory} is gone`
}

/** Returns why a user may not trust a directory, which no other user may have made, or enter. */
function problemOf(directory: string, found: Stats, uid: number): string | undefined {
  if (!found.isDirectory()) return `${directory} is not a directory`
  if (found.uid !== uid) {
    return `${directory} belongs to another user (uid ${String(found.uid)})`
  }
  const mode = found.mode & 0o777
  if ((mode & 0o077) === 0) return undefined
  return `other users may enter ${directory} (mode 0${mode.toString(8)}): run chmod 700 ${directory}`
}

/** Looks without following a link: any user can put one into /tmp. */
function look(directory: string): Stats | undefined {
  try {
    return lstatSync(directory, { throwIfNoEntry: false })
  } catch {
    return undefined // a directory above may not be searched
  }
}

/** Whether a directory is the user's, and nobody else may write to it: `sudo` may pass on somebody else's. */
function isOwn(directory: string, uid: number): boolean {
  if (!path.isAbsolute(directory)) return false
  const found = lookThrough(directory)
  return found?.isDirectory() === true && found.uid === uid && (found.mode & 0o022) === 0
}

/** Whether other users cannot rename or remove what a user has put into a directory. */
function isGuarded(directory: string, uid: number): boolean {
  const found = lookThrough(directory)
  if (!found) return true // creating the directory fails, and tells why
  return [0, uid].includes(found.uid) && ((found.mode & 0o1000) !== 0 || (found.mode & 0o022) === 0)
}

/** Looks where a link leads: on macOS /tmp is one. */
function lookThrough(directory: string): Stats | undefined {
  try {
    return statSync(directory, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}
