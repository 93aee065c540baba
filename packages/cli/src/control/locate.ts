import { existsSync, readFileSync, type Stats, statSync } from 'node:fs'
import path from 'node:path'
import { controlBeside } from '@endless/core/for-cli'
import { Failure } from './failure.js'

/** How a service is named on the command line. */
export interface ServiceName {
  pidFile?: string
  control?: string
}

/** The user who asks. */
export interface Asker {
  uid: number | undefined
}

/**
 * Finds the control socket of a service, and makes sure that it is nobody else's: a pid alone proves
 * nothing, so no process is ever signalled.
 *
 * @throws {Failure} if there is none, or it is another user's
 */
export function locate({ pidFile, control }: ServiceName, asker: Asker): string {
  if (pidFile === undefined && control === undefined) {
    throw new Failure('misused', 'say which service: --pid-file <path> or --control <path>')
  }
  const file = path.resolve(control ?? controlBeside(pidFile ?? ''))
  let found: Stats | undefined
  try {
    found = statSync(file, { throwIfNoEntry: false })
  } catch (error) {
    throw new Failure('foreign', `cannot look at ${file}: ${(error as Error).message}`)
  }
  if (!found) throw new Failure('absent', absence(file, pidFile))
  if (!found.isSocket()) throw new Failure('foreign', `${file} is no socket`)
  if (asker.uid !== undefined && ![found.uid, 0].includes(asker.uid) && found.uid !== 0) {
    throw new Failure(
      'foreign',
      `${file} belongs to another user (uid ${String(found.uid)}): run this command as that user`,
    )
  }
  return file
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
    const text = readFileSync(pidFile, 'utf8').trim()
    return /^\d{1,10}$/.test(text) ? text : '(none)'
  } catch {
    return '(unknown)' // not for us to read
  }
}
