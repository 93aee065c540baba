import type { Duplex } from 'node:stream'
import type { GenerationEvents } from './events.js'
import type { RestartReport, ShutdownReport } from './reports.js'
import type { GenerationState, GenerationStatus } from './status.js'

/** Cleans up at the end: databases, queues. A promise is awaited, and what it gives is ignored. */
export type TerminateHook = () => unknown

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
