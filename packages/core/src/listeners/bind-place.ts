import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { namedBy, openName } from '../node/opened-name.js'
import { currentPid, currentUid } from '../node/system.js'
import { temporaryPrefix } from '../node/temporaries.js'
import { temporaryName } from './unix-path.js'

/** Name under which a socket is bound, before it gets its path. */
export interface BindPlace {
  readonly name: string
  /** Whether only this process can reach the name. */
  readonly isPrivate: boolean
  /** Removes what is left there; a socket that got its path keeps that. */
  close(): void
}

/**
 * Opens a place to bind the socket of a path in: a directory beside the path, for this process alone, so that
 * nobody can put another file into the socket's place before it has its rights. Where that is not possible,
 * the place is a free name in the directory of the path.
 *
 * See docs/decisions.md, "A socket gets its rights where nobody else can reach it"
 */
export function openBindPlace(target: string): BindPlace {
  return openPrivate(target) ?? openShared(target)
}

function openPrivate(target: string): BindPlace | undefined {
  let directory: string
  try {
    directory = mkdtempSync(path.join(path.dirname(target), temporaryPrefix(currentPid())))
  } catch {
    return undefined // binding will fail for the same reason, and with the error that Node's users know
  }
  const removeDirectory = (): void => {
    try {
      rmdirSync(directory)
    } catch {
      // Somebody who may write beside the path has moved it away.
    }
  }
  const opened = openOwn(directory)
  if (opened === undefined) {
    removeDirectory()
    return undefined
  }
  // By its descriptor it is the same directory, whatever becomes of its name; and the name is a short one.
  const name = path.join(namedBy(opened), shortName(target))
  const close = (): void => {
    rmSync(name, { force: true })
    closeSync(opened)
    removeDirectory()
  }
  return { name, isPrivate: true, close }
}

/** Opens a directory that is this process's alone; `undefined` if it is another one by now. */
function openOwn(directory: string): number | undefined {
  try {
    const opened = openName(directory)
    if (opened === undefined) return undefined
    const stats = fstatSync(opened)
    if (stats.isDirectory() && stats.uid === currentUid() && (stats.mode & 0o077) === 0) {
      return opened
    }
    closeSync(opened)
  } catch {
    // Moved away, or no descriptor is left.
  }
  return undefined
}

function openShared(target: string): BindPlace {
  const name = temporaryName(target)
  return {
    name,
    isPrivate: false,
    close: () => {
      rmSync(name, { force: true })
    },
  }
}

/** The name is what tools such as `ss` show, and random: libuv removes it when the socket closes, wherever. */
function shortName(target: string): string {
  const [known = 'socket'] = /^[\x21-\x7e]{1,60}/.exec(path.basename(target)) ?? []
  return `${known}.${randomBytes(4).toString('hex')}`
}
