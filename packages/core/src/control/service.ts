import type { LastRestart, RestartOptions, RestartReport } from '../api/reports.js'
import type { GenerationState, GenerationStatus } from '../api/status.js'

// The service behind a control socket: what it does on request, and the status that it returns.

/**
 * Version of the control protocol, in each response as the header `Endless-Control`. It changes when
 * a part of the protocol changes its meaning or is removed.
 */
export const controlVersion = 1

/** The most workers of a service. */
export const mostWorkers = 1_024

/** Header of each response: shows that endless sent it, and the version of the control protocol. */
export const versionHeader = 'endless-control'

/** Returns the default path of the control socket of a service that has a pid file. */
export function controlBeside(pidFile: string): string {
  return `${pidFile}.sock`
}

/** Unexpected end of a generation that served, or that was to replace a dead generation. */
export interface LastDeath {
  number: number
  pid: number
  agoMs: number
  /** Number of deaths in a row, this death included, of generations that had not served for long. */
  inARow: number
  /** Exit code; `null` if a signal ended it. */
  code: number | null
  signal: string | null
  /** The error that ended it, if it could report that: `TypeError: x is not a function`. */
  error: string | null
  /** The last lines that it wrote to standard error from JavaScript. */
  stderr: string[]
}

/**
 * Status of a generation; without memory, servers and options if the generation does not answer, and without
 * `isOnProbation` if it knows none.
 */
export type ListedGeneration = Omit<
  GenerationStatus,
  'state' | 'isOnProbation' | 'memoryBytes' | 'utilization' | 'lastRestart' | 'options' | 'left'
> &
  Partial<Pick<GenerationStatus, 'isOnProbation' | 'options' | 'left'>> & {
    state: GenerationState | 'booting' | 'unresponsive'
    memoryBytes: number | null
    /** Its slot, from 0; `undefined` without a supervisor. */
    slot?: number | undefined
    /** Share of time in which its event loop is busy, 0 to 1; `undefined` until it is ready. */
    utilization?: number | undefined
  }

/** How far a restart of several workers has come: `{ done: [0, 1], of: 4 }`. */
export interface RollProgress {
  /** The slots that have the new version, in the order in which they got it. */
  done: number[]
  of: number
}

/** Response to `GET /status`. */
export interface ServiceStatus {
  /** The process to signal: the supervisor, or without a supervisor the generation that serves. */
  pid: number
  supervisor: {
    pid: number
    /** Name by which commands find the service; `null` if it is found by a path alone. */
    name: string | null
    /** Directory of the project, or else the one in which `endless run` was started. */
    directory: string
    uptimeMs: number
    memoryBytes: number
    /** How many workers the service is to have. A supervisor of another version does not say: 1. */
    workers?: number | undefined
    /** How many open connections one worker has given to another, to even them out. */
    evenedOut?: number | undefined
    /** How far a restart of several workers has come; `null` if none is under way. */
    roll?: RollProgress | null | undefined
  } | null
  /** Slot by slot, each from the oldest, which may drain, to the newest, which may boot. */
  generations: ListedGeneration[]
  /** Time until the supervisor replaces a dead generation; `null` if that is not due. */
  startingInMs: number | null
  lastRestart: LastRestart | null
  /** `null` without a death, or without a supervisor: a generation does not know of it. */
  lastDeath: LastDeath | null
}

/** What a control socket asks of its service: of the supervisor, or of the generation that serves. */
export interface Service {
  /** Whether another process answers in its place; if so, settles only once that process does. */
  hasMoved(): Promise<boolean>
  status(): Promise<ServiceStatus>
  /** Resolves with the metrics of the whole service, in the OpenMetrics text format. */
  metrics(): Promise<string>
  /**
   * Restarts as SIGHUP does, after a restart that is under way; settles when the successor serves.
   *
   * @param hasWaited whether the request came before the restart under way began, and so joins that restart
   * @param progress called when one of several workers has the new version
   */
  restart(hasWaited: boolean, options: RestartOptions, progress: () => void): Promise<RestartReport>
  /**
   * Settles when the new generation is proven after a restart; at once if it is not on probation.
   *
   * @throws (rejects) `ERR_ENDLESS_ROLLED_BACK`
   */
  proven(restart: RestartReport): Promise<void>
  /** Ends the probation of the generation that serves, which is proven, if it is on probation. */
  prove(): Promise<void>
  /**
   * Rolls the generation on probation back; settles when its predecessor serves.
   *
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION`
   */
  rollback(reason: string): Promise<void>
  /**
   * Settles when the older generations are gone after a restart: with `true` if this process is one of
   * them and exits next. Rejects if an older generation serves again.
   */
  drained(restart: RestartReport): Promise<boolean>
  /** Shuts down as SIGTERM does; settles at the end, with `true` if this process exits next. */
  stop(): Promise<boolean>
  /**
   * Changes how many workers serve; settles when new ones serve.
   *
   * @param workers from 1 to {@link mostWorkers}
   */
  scale(workers: number): Promise<void>
  /** Lets the hammer fall on the generations that drain; resolves with their numbers. */
  hammer(): Promise<number[]>
}
