import type { Duplex } from 'node:stream'
import type { GenerationEvents } from './events.js'
import type { RestartReport, RestartRequest, ShutdownReport } from './reports.js'
import type { GenerationState, GenerationStatus } from './status.js'

/** Cleans up at the end, such as databases and queues. A promise is awaited; its value is ignored. */
export type TerminateHook = () => unknown

/** This process: one run of the program in a chain of restarts. */
export interface Generation {
  /** Position in the chain of restarts; the first process is 0. */
  readonly number: number
  readonly isSuccessor: boolean
  /**
   * Which of the workers this process is: 0 to `workers - 1`. Its successors have the same slot. 0 without
   * workers. A job that must run in one process only belongs into slot 0.
   */
  readonly slot: number
  /** How many processes serve together, with `endless run --workers`; 1 without. */
  readonly workers: number
  /**
   * Whether a successor has taken over: this process is `shutting-down`, but the service is not. `false`
   * again if that successor dies and this process serves again.
   */
  readonly hasSuccessor: boolean
  /**
   * Resolves when the predecessor is gone: it has drained, cleaned up and exited, or it has died. So it no
   * longer holds what only one process may have, such as a lock, a queue or a database in a file. Resolved
   * at once in generation 0. Where a supervisor has replaced a dead generation, it resolves when this
   * process serves.
   *
   * Do not await it before `listen`: until this process is ready, a predecessor that lives stays.
   * If the supervisor dies, nothing can report the end of the predecessor, and the promise resolves then.
   */
  readonly predecessorGone: Promise<void>
  /** Whether this process serves on probation: its predecessor stays behind, and can serve again. */
  readonly isOnProbation: boolean
  readonly state: GenerationState
  /**
   * Starts a successor and hands over to it, as SIGHUP does. Settles when the successor has taken
   * over, or with `wait: 'proven'` when its probation has passed; this process then drains and exits. A call
   * during a restart joins it, and a call while this process is on probation waits until it is proven.
   * With several workers it restarts all of them, one after the other, and settles when all have been.
   *
   * @throws (rejects) with the reason if the restart failed; this process then goes on as before.
   * `ERR_ENDLESS_ROLLED_BACK` if the successor, or this process itself, was rolled back.
   * `ERR_ENDLESS_SUCCESSOR_EXITED`, `ERR_ENDLESS_READY_TIMEOUT`, `ERR_ENDLESS_ADDRESSES_CHANGED`,
   * `ERR_ENDLESS_SPAWN_FAILED`, `ERR_ENDLESS_NOT_RUNNING`, `ERR_ENDLESS_SHUTTING_DOWN`; on Windows
   * `ERR_ENDLESS_UNSUPPORTED_PLATFORM`
   */
  restart(request?: RestartRequest): Promise<RestartReport>
  /**
   * Ends a probation because the new version is bad: the predecessor serves again at once, and the open
   * connections move back to it. The process that was on probation finishes its requests and exits. Call it
   * in either of the two. Resolves when the predecessor serves.
   *
   * @param reason stands in the log, in the status, and in the error of the restart
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION` if there is no probation
   */
  rollback(reason: string): Promise<void>
  /** Reports that this process is ready; needed with `{ ready: 'manual' }`. */
  ready(): void
  /** Drains all servers and exits, as SIGTERM does, but without its hooks. A second call joins the first. */
  shutdown(): Promise<ShutdownReport>
  /**
   * Makes the hammer fall now if this process is shutting down; otherwise does nothing. Cuts hooks short
   * that run now.
   */
  hammer(): void
  /**
   * Moves an upgraded connection (WebSocket, tunnel) to the successor, or in a rollback back to the predecessor,
   * together with what this program knows of it. Call it in a listener for 'drain', or later. From the call on, nothing is read from the
   * socket, and you must not write to it. What was written before is sent first. `state` must contain the
   * bytes that the program has read and not used up.
   *
   * Resolves to `true` when the successor has adopted the connection, in its event 'adopt'. The socket here
   * is then destroyed; its 'close' does not come from the client. Resolves to `false` if the connection
   * stays, and goes on as before: this process does not drain for a successor; or the successor has no
   * listener for 'adopt', does not listen on that address, or has died; or the socket is over TLS, has
   * ended, or decodes text. A second call meanwhile returns the same promise.
   *
   * @param state any JSON value; `undefined` arrives as `null`
   * @throws (rejects) `ERR_ENDLESS_INVALID_STATE` if `state` is no JSON value, or more than 1 MiB of JSON
   */
  migrate(socket: Duplex, state?: unknown): Promise<boolean>
  /** Returns the present status of this process, its servers and their connections. */
  status(): GenerationStatus
  /**
   * Returns the metrics of the whole service in the OpenMetrics text format, whichever of its processes is asked. Its
   * content type is `application/openmetrics-text; version=1.0.0; charset=utf-8`. What a process has to say that does
   * not answer within a second is left out. Takes as long as {@link status} in each of the processes.
   */
  metrics(): Promise<string>
  on<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): Generation
  off<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): Generation
  /**
   * Registers a clean-up that runs between the drain and the exit, never earlier: until then, a
   * predecessor may have to serve again. Hooks run one after the other, each bounded by the longest hammer
   * time. If one fails, the exit code is 1, unless the program sets another.
   */
  onTerminate(hook: TerminateHook): Generation
}
