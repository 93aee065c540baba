import { EndlessError } from '../api/endless-error.js'
import { handleIn } from '../node/internals.js'
import type { System } from '../node/system.js'
import type { ListenTarget } from './address.js'
import { resolveSocketPath } from './unix-path.js'

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

/** Reads the arguments of any overload of `net.Server#listen` (lib/net.js, normalizeArgs). */
export function parseListenCall(args: readonly unknown[]): ListenCall {
  const last = args.at(-1)
  const callback = typeof last === 'function' ? (last as () => void) : undefined
  const [first] = args
  if (typeof first === 'object' && first !== null) {
    const options = first as Record<string, unknown>
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
  if (target.kind === 'other' && namesHandle(args[0])) {
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

function namesHandle(first: unknown): boolean {
  if (typeof first !== 'object' || first === null) return false
  return handleIn(first) !== undefined
}

function targetOfOptions(options: Record<string, unknown>): ListenTarget {
  if (handleIn(options)) return { kind: 'other' }
  if (typeof options['fd'] === 'number' && options['fd'] >= 0) {
    return { kind: 'fd', fd: options['fd'] }
  }
  if ('port' in options || !('path' in options)) {
    const port = 'port' in options ? toPort(options['port']) : undefined
    if (port !== undefined) {
      return tcp(port, options['host'], options['ipv6Only'] === true)
    }
  }
  const { path } = options
  if (typeof path === 'string' && toNumber(path) === undefined) return { kind: 'path', path }
  return { kind: 'other' }
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
