import type { LastRestart } from './reports.js'

/** What a server goes through, as in Go's endless. */
export type State = 'init' | 'running' | 'shutting-down' | 'terminate'

/** What the process goes through: a server's states, and `restarting` while a successor boots. */
export type GenerationState = State | 'restarting'

/** What {@link Generation.status} tells. */
export interface GenerationStatus {
  number: number
  pid: number
  state: GenerationState
  /** For how long this process has been running endless, in ms. */
  uptimeMs: number
  /** Memory that is resident, in bytes. */
  memoryBytes: number
  servers: ServerStatus[]
  lastRestart: LastRestart | null
}

/** What {@link Generation.status} tells of a server. */
export interface ServerStatus {
  address: string | null
  state: State
  /** By what they do. Looked at when asked, which takes 1 µs for each. */
  connections: ConnectionCounts
  /** Requests that have no whole response yet. */
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
  /** WebSockets and tunnels; of a `node:net` or `node:tls` server all. */
  upgraded: number
  /** Sessions of HTTP/2. */
  http2: number
  /** TLS handshakes that have not ended. */
  handshaking: number
}
