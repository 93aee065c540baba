import { type Answer, type CallKind, get, postEcho, type Range } from './call.js'

/** Options of `createLoad`. */
export interface LoadOptions {
  port: number
  /** @default '127.0.0.1' */
  host?: string
  /** Uses TLS. Without `ca`, the server's certificate is not checked. */
  tls?: { ca?: string; servername?: string }
  /** Number of kept connections, each with one request at a time. @default 50 */
  keepAliveConnections?: number
  /** Pause of a kept connection between an answer and its next request. @default [0, 5] */
  thinkMs?: Range
  /**
   * New connections per second, each for one request. They open on schedule even if earlier requests are
   * unanswered, up to one second's worth: beyond that, a slow server would only grow a queue.
   * @default 0
   */
  freshPerSecond?: number
  /** Kinds of requests, each equally likely. @default [get(), postEcho()] */
  calls?: readonly [CallKind, ...CallKind[]]
  /** Response times of requests that begin in this time after `start()` are not counted. @default 0 */
  warmUpMs?: number
  /** @default 10_000 */
  requestTimeoutMs?: number
  /** Time that a restart window stays open after the first answer of the new pid. @default 2_000 */
  settleMs?: number
  /** Returns which process answered. @default reads the headers `x-pid` and `x-generation` */
  identify?: (answer: Answer) => Identity | undefined
}

export interface Identity {
  pid: number
  generation?: number | undefined
}

export type ResolvedOptions = Required<Omit<LoadOptions, 'tls'>> & Pick<LoadOptions, 'tls'>

export function resolveOptions(options: LoadOptions): ResolvedOptions {
  return {
    ...options,
    host: options.host ?? '127.0.0.1',
    keepAliveConnections: options.keepAliveConnections ?? 50,
    thinkMs: options.thinkMs ?? [0, 5],
    freshPerSecond: options.freshPerSecond ?? 0,
    calls: options.calls ?? [get(), postEcho()],
    warmUpMs: options.warmUpMs ?? 0,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    settleMs: options.settleMs ?? 2_000,
    identify: options.identify ?? identifyByHeaders,
  }
}

function identifyByHeaders({ headers }: Answer): Identity | undefined {
  const pid = Number(headers['x-pid'])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  const generation = headers['x-generation']
  return { pid, generation: generation === undefined ? undefined : Number(generation) }
}
