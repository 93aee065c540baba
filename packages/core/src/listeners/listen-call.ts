import { EndlessError } from '../api/endless-error.js'
import { isListenHandle, listenOptionsIn } from '../node/internals/listening-handle.js'
import type { System } from '../node/system.js'
import type { ListenTarget } from './address.js'
import { isAbstract, resolveSocketPath } from './unix-path.js'

// Reads the arguments of a `listen` call.

/** A `listen` call: its target and its other arguments. */
export interface ListenCall {
  target: ListenTarget
  /** Path as the application wrote it, if endless binds it: the target's path is absolute. */
  written?: string
  backlog: number | undefined
  /** For a path: whether every user may read from its socket, or write to it. */
  readableAll: boolean
  writableAll: boolean
  signal: AbortSignal | undefined
  callback: (() => void) | undefined
}

/** What {@link readListenCall} needs from the process. */
export interface ListenCallHost {
  readonly system: Pick<System, 'platform' | 'isClusterWorker' | 'isWorkerThread'>
  /** Base directory of relative paths, by the name that the user knows. */
  readonly directory: string
}

/**
 * Reads the arguments of any overload of `net.Server#listen` as Node does (lib/net.js, normalizeArgs and
 * Server#listen). Where Node refuses them, the target is `other`: only Node has its errors.
 */
export function parseListenCall(args: readonly unknown[]): ListenCall {
  const last = args.at(-1)
  const callback = typeof last === 'function' ? (last as () => void) : undefined
  const [first] = args
  if (typeof first === 'object' && first !== null) {
    const options = listenOptionsIn(first) as Record<string, unknown>
    return {
      target: targetOfOptions(options),
      backlog: toBacklog(options['backlog']) ?? toBacklog(args[1]) ?? toBacklog(args[2]),
      readableAll: options['readableAll'] === true,
      writableAll: options['writableAll'] === true,
      signal: options['signal'] as AbortSignal | undefined,
      callback,
    }
  }
  return {
    target: targetOfPositions(args),
    backlog: toBacklog(args[1]) ?? toBacklog(args[2]),
    readableAll: false,
    writableAll: false,
    signal: undefined,
    callback,
  }
}

/**
 * Reads a call as endless takes it: a path that endless binds becomes absolute.
 *
 * @throws `ERR_ENDLESS_UNSUPPORTED` for a handle, and in a worker thread
 * @throws `ERR_ENDLESS_INVALID_ADDRESS` for a path that is too long
 */
export function readListenCall(args: readonly unknown[], caller: ListenCallHost): ListenCall {
  const { system } = caller
  if (system.isWorkerThread) throw inThread()
  const call = parseListenCall(args)
  const { target } = call
  // A named pipe of Windows cannot be passed on; the sockets of a cluster worker are the primary's.
  const isOurs = system.platform !== 'win32' && !system.isClusterWorker
  if (target.kind === 'path' && isOurs) {
    const path = resolveSocketPath(target.path, caller.directory)
    return { ...call, target: { kind: 'path', path }, written: target.path }
  }
  if (namesHandle(args[0])) {
    throw new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      'Cannot listen on a handle: a restart cannot hand it over. Listen on a TCP port instead.',
    )
  }
  return call
}

/**
 * Refuses a worker thread: signals reach the main thread alone, and without a listener there SIGHUP ends the
 * process and all its threads.
 */
function inThread(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_UNSUPPORTED',
    'Cannot listen in a worker thread: no signal reaches it, and a restart replaces the whole process. ' +
      'Listen in the main thread, or listen here without endless.',
  )
}

/** Whether Node would listen on a handle, or on the descriptor of one. */
function namesHandle(first: unknown): boolean {
  if (typeof first !== 'object' || first === null) return false
  const options = listenOptionsIn(first)
  if (typeof options !== 'object') return false
  return isListenHandle(options) || (options !== first && descriptorIn(options) !== undefined)
}

function descriptorIn(options: object): number | undefined {
  const { fd } = options as { fd?: unknown }
  return typeof fd === 'number' && fd >= 0 ? fd : undefined
}

/** Mirrors the order in which Node looks at options: the first that it finds decides. */
function targetOfOptions(options: Record<string, unknown>): ListenTarget {
  if (typeof options !== 'object' || isListenHandle(options) || !isSignal(options['signal']))
    return { kind: 'other' }
  const fd = descriptorIn(options)
  if (fd !== undefined) return { kind: 'fd', fd }
  const { port, host, path } = options
  if ('port' in options && isPortLike(port)) {
    const number = toPort(port)
    const isHost = !host || typeof host === 'string'
    if (number === undefined || !isHost) return { kind: 'other' }
    return tcp(number, host, options['ipv6Only'] === true)
  }
  if (typeof path !== 'string' || toNumber(path) !== undefined) return { kind: 'other' }
  const isWidened = Boolean(options['readableAll']) || Boolean(options['writableAll'])
  return isWidened && isAbstract(path) ? { kind: 'other' } : { kind: 'path', path }
}

/** Whether Node takes a value as a signal, or as none (lib/internal/validators.js, validateAbortSignal). */
function isSignal(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && 'aborted' in value)
}

/** Whether a value means that a port is asked for, be it a good one or not. */
function isPortLike(port: unknown): boolean {
  return port === undefined || port === null || ['number', 'string'].includes(typeof port)
}

function targetOfPositions(args: readonly unknown[]): ListenTarget {
  const [first, second] = args
  if (args.length === 0 || typeof first === 'function') return tcp(0, undefined, false)
  if (typeof first === 'string' && toNumber(first) === undefined) {
    return { kind: 'path', path: first }
  }
  const port = toPort(first)
  return port === undefined ? { kind: 'other' } : tcp(port, second, false)
}

function tcp(port: number, host: unknown, ipv6Only: boolean): ListenTarget {
  return typeof host === 'string' && host !== ''
    ? { kind: 'tcp', port, host, ipv6Only }
    : { kind: 'tcp', port, ipv6Only }
}

/**
 * Reads a port; as in Node, `undefined` and `null` are port 0. Returns `undefined` for anything that
 * is not a port: Node refuses it.
 */
function toPort(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) {
    return undefined
  }
  const port = Number(value)
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'function' || value === null || value === undefined) return undefined
  const number = Number(value)
  return number >= 0 ? number : undefined
}

/**
 * Reads a backlog. To Node, 0 is no backlog, and an empty host reads as 0: the next argument may be
 * the backlog.
 */
function toBacklog(value: unknown): number | undefined {
  const backlog = toNumber(value)
  return backlog === 0 ? undefined : backlog
}
