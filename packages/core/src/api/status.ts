import type { LastRestart } from './reports.js'

// The states of servers and of the process, and the result of `generation.status()`.

/** States of a server, as in Go's endless. */
export type State = 'init' | 'running' | 'shutting-down' | 'terminate'

/**
 * States of the process: those of a server; `restarting` while a successor boots; `staying-behind` when all is
 * drained and the successor is still on probation.
 */
export type GenerationState = State | 'restarting' | 'staying-behind'

/** Result of {@link Generation.status}. */
export interface GenerationStatus {
  number: number
  pid: number
  state: GenerationState
  /** Whether it serves on probation: its predecessor stays behind, and serves again if this one turns out bad. */
  isOnProbation: boolean
  /** Time since endless was loaded in this process, in ms. */
  uptimeMs: number
  /** Resident memory, in bytes. */
  memoryBytes: number
  /** Share of time in which the event loop was busy since the last call that is at least a second ago, 0 to 1. */
  utilization: number
  servers: ServerStatus[]
  /** The options in effect that somebody gave; every other option has its default. */
  options: GivenOption[]
  /** Servers that were left alone in a program that is endless without code: no restart hands them over. */
  left: LeftServer[]
  lastRestart: LastRestart | null
}

/** Part of {@link Generation.status} for one server. */
export interface ServerStatus {
  address: string | null
  state: State
  /** What has made it endless: the program's code, or the preload `@endless/core/register`. */
  madeBy: 'code' | 'register'
  /** Open connections, by what they do. Counted at each call, which takes 1 µs for each connection. */
  connections: ConnectionCounts
  /** Requests whose response is not complete yet. */
  requests: number
}

/** The open connections of a server, each counted once: `{ open: 4, idle: 2, busy: 1, upgraded: 1, … }`. */
export interface ConnectionCounts {
  /** All of them: the sum of the others. */
  open: number
  /** HTTP/1, between two requests or before the first. */
  idle: number
  /** HTTP/1, with a request or a response under way. */
  busy: number
  /** WebSockets and tunnels; all connections of a `node:net` or `node:tls` server. */
  upgraded: number
  /** HTTP/2 sessions. */
  http2: number
  /** TLS handshakes under way. */
  handshaking: number
}

/** An option that somebody gave: `{ name: 'hammerTimeMs', value: '30000', from: '/srv/shop/package.json' }`. */
export interface GivenOption {
  name: string
  /** For people; `an object` if it is one. */
  value: string
  /**
   * `endless run` (a flag), `code`, the path of a package.json, or `default without code`. Behind it stands the
   * address of the server where two servers differ: `code, [::]:3000`.
   */
  from: string
}

/** A server that was left alone: `{ address: 'port 0', why: 'no client can know the port' }`. */
export interface LeftServer {
  address: string
  why: string
}
