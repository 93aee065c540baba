import { type Answer, type CallKind, get, postEcho, type Range } from './call.js'

export interface LoadOptions {
  port: number
  /** @default '127.0.0.1' */
  host?: string
  /** Speaks TLS. Without `ca` the server's certificate is not checked. */
  tls?: { ca?: string; servername?: string }
  /** Connections that stay, each with one request at a time. @default 50 */
  keepAliveConnections?: number
  /** Pause of a kept connection between an answer and its next request. @default [0, 5] */
  thinkMs?: Range
  /**
   * New connections a second, each for one request. They come when they are due, answered or not, up
   * to one second's worth: a server that cannot keep up would otherwise only grow a queue.
   * @default 0
   */
  freshPerSecond?: number
  /** Kinds of requests, picked at random, evenly. @default [get(), postEcho()] */
  calls?: readonly [CallKind, ...CallKind[]]
  /** @default 10_000 */
  requestTimeoutMs?: number
  /** How long after the first answer of the new pid a restart window stays open. @default 2_000 */
  settleMs?: number
  /** Reads who answered. @default the headers `x-pid` and `x-generation` */
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
