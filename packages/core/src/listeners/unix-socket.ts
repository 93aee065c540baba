import { renameSync } from 'node:fs'
import os from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { identityAt } from '../node/file-identity.js'
import { bindPipe, widenRights } from '../node/internals/listening-handle.js'
import type { RawListener } from '../node/internals/raw-handle.js'
import { shadow } from '../node/shadow.js'
import type { UnixAddress } from './address.js'
import { type BindPlace, openBindPlace } from './bind-place.js'
import { applyRights, mustBeGuarded, type SocketRights } from './socket-rights.js'
import { clearStale, giveName, isAbstract, leadsTo, removePath } from './unix-path.js'

// Binds Unix sockets, and decides whether the path goes when the socket closes.

/** Path to listen on, and how. */
export interface UnixTarget {
  /** Absolute, or abstract. */
  path: string
  rights: SocketRights
  /** `readableAll` and `writableAll` of the `listen` call, with Node's meaning. */
  readableAll: boolean
  writableAll: boolean
  backlog: number | undefined
  /** Sockets that may be at the path: such a socket is replaced in one step. @default none */
  replaces?: readonly (UnixAddress | undefined)[]
  /** Asked again after a wait: the server may have been closed meanwhile. */
  isWanted(): boolean
}

/** A listening Unix socket; unless {@link keepOnClose} was called, closing the handle removes the path. */
export interface UnixSocket {
  handle: RawListener
  bound: UnixAddress
}

/**
 * Listens on a path: at once if no file is there, else as soon as it is known whether a dead process
 * left the file. `done` gets the socket, at once or later, or an error like Node's, always later. It is
 * not called if the socket is no longer wanted by then.
 */
export function bindUnixSocket(
  target: UnixTarget,
  done: (result: UnixSocket | NodeJS.ErrnoException) => void,
): void {
  const fail = (error: unknown): void => {
    // In a turn of its own, so that only the application's listeners can catch the error.
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

/** The paths that go when their handle closes, and how to let a handle close without that. */
const removed = new WeakMap<RawListener, { bound: UnixAddress; undo: () => void }>()

/** Makes a handle remove its path when it closes, as in Node; {@link keepOnClose} undoes this. */
export function removeOnClose({ handle, bound }: UnixSocket): void {
  if (bound.identity === '') return
  keepOnClose(handle)
  const undo = shadow(handle, 'close', (callback?: () => void) => {
    removeNow(handle)
    handle.close(callback)
  })
  removed.set(handle, { bound, undo })
}

/** Removes the path that would go when a handle closes. */
export function removeNow(handle: RawListener): void {
  const bound = removed.get(handle)?.bound
  keepOnClose(handle)
  if (bound) removePath(bound)
}

/** Leaves the path to the successor, which has the socket too. */
export function keepOnClose(handle: RawListener): void {
  // A worker of a cluster has handles with a `close` of their own.
  removed.get(handle)?.undo()
  removed.delete(handle)
}

/**
 * Binds the socket in a place of its own, and gives it its path once it has its rights and listens: so no
 * client sees it refuse. libuv would remove the bound path when the handle closes, even if another
 * process has the socket too.
 * See docs/decisions.md, "A Unix socket gets its path by a link"
 */
function bind(target: UnixTarget): UnixSocket {
  const { path } = target
  if (isAbstract(path)) return { handle: bindPipe(path), bound: { path, identity: '' } }
  const place = openBindPlace(path)
  try {
    return bindAt(place, target)
  } finally {
    place.close()
  }
}

function bindAt({ name, isPrivate }: BindPlace, target: UnixTarget): UnixSocket {
  const { path, rights, backlog = 511, replaces = [] } = target
  const handle = bindPipe(name)
  try {
    const identity = identityAt(name) ?? ''
    if (target.readableAll || target.writableAll) {
      if (!isPrivate) mustBeGuarded(name)
      widenRights(handle, target)
    }
    applyRights(name, identity, rights)
    check(handle.listen(backlog))
    const socket = { handle, bound: { path, identity } }
    if (replaces.some((each) => each?.path === path && leadsTo(each))) renameSync(name, path)
    else giveName(name, path)
    removeOnClose(socket)
    return socket
  } catch (error) {
    handle.close()
    throw error
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

/** Creates the error that Node emits for a path (lib/net.js, setupListenHandle). */
function listenError(cause: unknown, address: string): NodeJS.ErrnoException {
  const errno = errnoOf(cause)
  const [code, text] = getSystemErrorMap().get(errno) ?? ['UNKNOWN', 'unknown error']
  const error = new Error(`listen ${code}: ${text} ${address}`, { cause })
  return Object.assign(error, { code, errno, syscall: 'listen', address, port: -1 })
}
