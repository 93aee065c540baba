import { renameSync, rmSync } from 'node:fs'
import os from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { bindPipe, type RawListener, widenRights } from '../node/internals.js'
import type { UnixAddress } from './address.js'
import {
  applyRights,
  clearStale,
  giveName,
  identityAt,
  isAbstract,
  leadsTo,
  removePath,
  type SocketRights,
  temporaryName,
} from './unix-path.js'

/** What to listen on. */
export interface UnixTarget {
  /** Absolute, or abstract. */
  path: string
  rights: SocketRights
  /** Of the call of `listen`; what that means is Node's. */
  readableAll: boolean
  writableAll: boolean
  backlog: number | undefined
  /** What may be there: it is replaced in one step. @default nothing */
  replaces?: readonly (UnixAddress | undefined)[]
  /** Asked again after a wait: the server may have been closed meanwhile. */
  isWanted(): boolean
}

/** A Unix socket that listens, and whose handle removes the path when it closes. */
export interface UnixSocket {
  handle: RawListener
  bound: UnixAddress
}

/**
 * Listens on a path: at once if nothing is there, else as soon as it is known whether a dead process
 * has left it. `done` gets an error as Node has it, never at once, and nothing if it is no longer wanted.
 */
export function bindUnixSocket(
  target: UnixTarget,
  done: (result: UnixSocket | NodeJS.ErrnoException) => void,
): void {
  const fail = (error: unknown): void => {
    // In a turn of its own, where nobody but the application's listeners can catch it.
    queueMicrotask(() => {
      if (target.isWanted()) done(listenError(error, target.path))
    })
  }
  let socket: UnixSocket
  try {
    socket = bind(target)
  } catch (error) {
    if (!isTaken(error) || isAbstract(target.path)) {
      fail(error)
      return
    }
    clearStale(target.path)
      .then((isFree) => {
        if (!isFree) throw error
        return target.isWanted() ? bind(target) : undefined
      })
      .then((found) => {
        if (found) done(found)
      }, fail)
    return
  }
  done(socket)
}

/** Has the path removed when its socket is closed, as Node does; see {@link keepOnClose}. */
export function removeOnClose({ handle, bound }: UnixSocket): void {
  if (bound.identity === '') return
  handle.close = (callback) => {
    keepOnClose(handle)
    removePath(bound)
    handle.close(callback)
  }
}

/** Leaves the path to a successor, which has the socket too. */
export function keepOnClose(handle: RawListener): void {
  if (Object.hasOwn(handle, 'close')) Reflect.deleteProperty(handle, 'close')
}

/**
 * libuv removes the path that it has bound when the handle closes, whoever else has the socket. So it
 * binds another one, and the socket gets its path when it has its rights and listens already: nobody
 * ever sees it refuse.
 */
function bind({ path, rights, backlog = 511, ...target }: UnixTarget): UnixSocket {
  if (isAbstract(path)) return { handle: bindPipe(path), bound: { path, identity: '' } }
  const name = temporaryName(path)
  const handle = bindPipe(name)
  try {
    widenRights(handle, target)
    applyRights(name, rights)
    check(handle.listen(backlog))
    const socket = { handle, bound: { path, identity: identityAt(name) ?? '' } }
    const { replaces = [] } = target
    if (replaces.some((each) => each?.path === path && leadsTo(each))) renameSync(name, path)
    else giveName(name, path)
    removeOnClose(socket)
    return socket
  } catch (error) {
    handle.close()
    throw error
  } finally {
    rmSync(name, { force: true })
  }
}

function check(status: number): void {
  if (status < 0) throw Object.assign(new Error('listen'), { errno: status })
}

const { EADDRINUSE, EEXIST } = os.constants.errno

function errnoOf(error: unknown): number {
  const { code, errno } = error as NodeJS.ErrnoException
  return code === 'EEXIST' || errno === -EEXIST ? -EADDRINUSE : (errno ?? 0)
}

function isTaken(error: unknown): boolean {
  return errnoOf(error) === -EADDRINUSE
}

/** The error that Node gives for a path (lib/net.js, setupListenHandle). */
function listenError(cause: unknown, address: string): NodeJS.ErrnoException {
  const errno = errnoOf(cause)
  const [code, text] = getSystemErrorMap().get(errno) ?? ['UNKNOWN', 'unknown error']
  const error = new Error(`listen ${code}: ${text} ${address}`, { cause })
  return Object.assign(error, { code, errno, syscall: 'listen', address, port: -1 })
}
