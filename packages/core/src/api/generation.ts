import type { Duplex } from 'node:stream'
import type { ConnectionCounts } from '../connections/count.js'
import type { GenerationEvents } from './events.js'
import type { GenerationState, State } from '../process/parts/lifecycle.js'
import type { LastRestart, RestartReport, ShutdownReport } from './reports.js'
import { currentRuntime } from '../process/runtime.js'

/** Cleans up at the end: databases, queues. A promise is awaited, and what it gives is ignored. */
export type TerminateHook = () => unknown

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

/** This process: one run of the program in a chain of restarts. */
export interface Generation {
  /** Counted from 0, the process that somebody started by hand. */
  readonly number: number
  readonly isSuccessor: boolean
  /**
   * Whether a successor has taken over: this process is `shutting-down`, but the service is not. `false`
   * again if that successor dies and this process takes over again.
   */
  readonly hasSuccessor: boolean
  readonly state: GenerationState
  /**
   * Starts a successor and hands over to it, as SIGHUP does. Settles when the successor has taken
   * over; this process then drains and exits. A second call meanwhile answers the same promise.
   *
   * @throws (rejects) with the reason if the successor failed: this process serves on.
   * `ERR_ENDLESS_SUCCESSOR_EXITED`, `ERR_ENDLESS_READY_TIMEOUT`, `ERR_ENDLESS_SPAWN_FAILED`,
   * `ERR_ENDLESS_NOT_RUNNING`, `ERR_ENDLESS_SHUTTING_DOWN`; on Windows
   * `ERR_ENDLESS_UNSUPPORTED_PLATFORM`
   */
  restart(): Promise<RestartReport>
  /** Says that this process is ready, with `{ ready: 'manual' }`. */
  ready(): void
  /** Drains all servers and exits, as SIGTERM does, but without its hooks. A second call joins. */
  shutdown(): Promise<ShutdownReport>
  /** Lets the hammer fall now, if this process is shutting down; otherwise does nothing. */
  hammer(): void
  /**
   * Gives an upgraded connection (WebSocket, tunnel) to the successor, together with what this program
   * knows of it. Call it in a listener to 'drain', or later: from the call on nothing is read from the
   * socket, and nothing may be written. What was written before is sent first. Bytes that were read and
   * that the program has not used up belong into `state`.
   *
   * Settles with `true` when the successor has taken it, in its event 'adopt': the socket here is then
   * destroyed, and its 'close' is not the client's. With `false` when it stays, and goes on as before:
   * this process does not drain for a successor, the successor has no listener to 'adopt', does not
   * listen on that address or has died, the socket is over TLS, has ended, or decodes text. A second
   * call meanwhile answers the same promise.
   *
   * @param state any JSON value; `undefined` arrives as `null`
   * @throws (rejects) `ERR_ENDLESS_INVALID_STATE` if it is none, or is more than 1 MiB of JSON
   */
  migrate(socket: Duplex, state?: unknown): Promise<boolean>
  /** Tells about this process, its servers and their connections, as of now. */
  status(): GenerationStatus
  on<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): Generation
  off<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): Generation
  /**
   * Registers a clean-up that runs after the drain, before the exit, and only there: a predecessor
   * may have to serve again until then. Hooks run one after the other, each bounded by the longest
   * hammer time.
   */
  onTerminate(hook: TerminateHook): Generation
}

/** This process, one run in the chain. */
export const generation: Generation = currentRuntime()
