import { existsSync, type Stats, statSync } from 'node:fs'
import path from 'node:path'
import { controlBeside, readPid } from '@endless/core/for-cli'
import type { Asker } from './asker.js'
import { Failure } from './failure.js'

// Finds the control socket of a service.

/** Paths by which a service is found. */
export interface ServicePaths {
  pidFile?: string | undefined
  control?: string | undefined
}

/**
 * Returns the path of a service's control socket, after checking that the socket can be trusted. A pid
 * file alone proves nothing, so no process is ever signalled.
 *
 * @throws {Failure} if there is no such socket, or it belongs to another user
 */
export function locate({ pidFile, control }: ServicePaths, asker: Asker): string {
  const file = path.resolve(control ?? controlBeside(pidFile ?? ''))
  let found: Stats | undefined
  try {
    found = statSync(file, { throwIfNoEntry: false })
  } catch (error) {
    throw new Failure('foreign', `cannot look at ${file}: ${(error as Error).message}`)
  }
  if (!found) throw new Failure('absent', absence(file, pidFile))
  if (!found.isSocket()) throw new Failure('foreign', `${file} is not a socket`)
  if (!isTrusted(found.uid, asker.uid)) {
    throw new Failure(
      'foreign',
      `${file} belongs to another user (uid ${String(found.uid)}): run this command as that user`,
    )
  }
  return file
}

/** Whether a user may trust the owner of a socket: root trusts everybody, others root and themselves. */
function isTrusted(ownerUid: number, askerUid: number | undefined): boolean {
  // Without uids (Windows) there is nothing to check.
  return askerUid === undefined || askerUid === 0 || ownerUid === 0 || ownerUid === askerUid
}

function absence(file: string, pidFile: string | undefined): string {
  if (pidFile === undefined || !existsSync(pidFile)) {
    return `no service: there is no control socket ${file}` + (pidFile ? ', nor a pid file' : '')
  }
  return (
    `no control socket ${file}: the pid file names process ${pidIn(pidFile)}, ` +
    'which is gone or keeps its control socket elsewhere (--control); nothing was signalled'
  )
}

function pidIn(pidFile: string): string {
  try {
    return String(readPid(pidFile)?.pid ?? '(none)')
  } catch {
    return '(unknown)' // the file cannot be read
  }
}
