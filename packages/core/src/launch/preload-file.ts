import { randomUUID } from 'node:crypto'
import diagnostics from 'node:diagnostics_channel'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isGuarded } from '../listeners/socket-rights.js'
import { currentUid } from '../node/system.js'
import { preloadName, preloadText } from './preload-text.js'

// The file of the preload. See docs/decisions.md, "The preload is a file that outlives its release"

/**
 * Returns a file with the preload, which only this user or root can change; `undefined` if there is none and none
 * can be made. Then core does what the preload would have done, later.
 */
export function preloadFile(): string | undefined {
  for (const find of [writtenFile, builtFile]) {
    try {
      const file = find()
      if (file !== undefined) return file
    } catch {
      // No directory for temporary files, a read-only file system, the permission model.
    }
  }
  return undefined
}

/**
 * Writes the file again when a thread starts and it is gone, as something that cleans up may have removed it: Node
 * reads it for each thread. The thread comes to that some milliseconds after this.
 */
export function keepPreloadFile(file: string): void {
  diagnostics.subscribe('worker_threads', () => {
    if (!existsSync(file)) preloadFile()
  })
}

/** Writes the file, unless it is there, into a directory of this user's; it outlives the release. */
function writtenFile(): string | undefined {
  const uid = currentUid()
  if (uid === undefined) return undefined
  const folder = path.join(realpathSync(os.tmpdir()), `endless-${String(uid)}`)
  const file = path.join(folder, preloadName)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { mode } = lstatSync(folder)
  // A process that root has started reads the file again, for its threads, when it has given its rights up.
  const wanted = uid === 0 ? 0o755 : 0o700
  if (!isOurs(folder, uid) || !isGuarded(folder)) return undefined
  if ((mode & 0o777) !== wanted) chmodSync(folder, wanted)
  if (!hasText(file)) {
    const fresh = `${file}.${randomUUID()}`
    try {
      writeFileSync(fresh, preloadText, { flag: 'wx', mode: wanted & 0o444 })
      renameSync(fresh, file)
    } finally {
      rmSync(fresh, { force: true })
    }
  }
  return isOurs(file, uid) && hasText(file) ? file : undefined
}

/** Returns the file beside this one. In a bundle there is none, or one of the program's own. */
function builtFile(): string | undefined {
  const file = fileURLToPath(new URL('preload.cjs', import.meta.url))
  return hasText(file) ? file : undefined
}

function isOurs(file: string, uid: number): boolean {
  const stats = lstatSync(file)
  return !stats.isSymbolicLink() && stats.uid === uid && (stats.mode & 0o022) === 0
}

function hasText(file: string): boolean {
  try {
    return readFileSync(file, 'utf8') === preloadText
  } catch {
    return false
  }
}
