import type { GenerationEvents } from './events.js'
import type { GenerationState, State } from './lifecycle.js'
import type { RestartReport, ShutdownReport } from './reports.js'
import { currentRuntime } from './runtime.js'

/** Cleans up at the end: databases, queues. A promise is awaited, and what it gives is ignored. */
export type TerminateHook = () => unknown

/** What {@link Generation.status} tells. */
export interface GenerationStatus {
  number: number
  pid: number
  state: GenerationState
  /** For how long this process has been running endless, in ms. */
  uptimeMs: number
  servers: { address: string | null; state: State; connections: number }[]
}

/** This process: one run of the program in a chain of restarts. */
export interface Generation {
  /** Counted from 0, the process that somebody started by hand. */
  readonly number: number
  readonly isSuccessor: boolean
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
