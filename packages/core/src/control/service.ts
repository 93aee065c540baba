import type { LastRestart, RestartReport } from '../api/reports.js'
import type { GenerationState, GenerationStatus } from '../api/status.js'

/**
 * Version of what is said over a control socket: in each answer, as the header `Endless-Control`. It
 * changes when something that was there means something else, or is there no more.
 */
export const controlVersion = 1

/** A header of each answer: that it is from a control socket of endless, and in which version. */
export const versionHeader = 'endless-control'

/** Where the control socket of a service is that only says where its pid file is. */
export function controlBeside(pidFile: string): string {
  return `${pidFile}.sock`
}

/** How a generation has died by itself that served, or was started in the place of a dead one. */
export interface LastDeath {
  number: number
  pid: number
  agoMs: number
  /** How many had died in a row by then, none of which had served for long. */
  inARow: number
  /** Exit code; `null` if a signal ended it. */
  code: number | null
  signal: string | null
  /** What it died of, where it could tell: `TypeError: x is not a function`. */
  error: string | null
  /** The last lines that it wrote to standard error from JavaScript. */
  stderr: string[]
}

/** A generation; of one that does not answer, only what is seen from outside: no memory, no servers. */
export type ListedGeneration = Omit<GenerationStatus, 'state' | 'memoryBytes' | 'lastRestart'> & {
  state: GenerationState | 'booting' | 'unresponsive'
  memoryBytes: number | null
}

/** What `GET /status` answers. */
export interface ServiceStatus {
  /** The process to signal: the supervisor, or without one the generation that serves. */
  pid: number
  supervisor: { pid: number; uptimeMs: number; memoryBytes: number } | null
  /** From the oldest that drains to the newest that boots. */
  generations: ListedGeneration[]
  /** When the supervisor starts another generation in the place of a dead one; `null` if that is not due. */
  startingInMs: number | null
  lastRestart: LastRestart | null
  /** Known to a supervisor alone. */
  lastDeath: LastDeath | null
}

/**
 * What can be asked of a service, whoever answers for it: the generation that serves, or its
 * supervisor.
 */
export interface Service {
  /** Tells whether another process answers in its place, and if so, not before that does. */
  hasMoved(): Promise<boolean>
  status(): Promise<ServiceStatus>
  /**
   * Restarts as SIGHUP does, after a restart that is under way; settles when the new one serves.
   *
   * @param hasWaited whether it was asked for before that began, so that it is the one
   */
  restart(hasWaited: boolean): Promise<RestartReport>
  /**
   * Settles when the older generations are gone after a restart: with `true` if this process is one of
   * them, and exits next. Rejects if one of them serves again.
   */
  drained(restart: RestartReport): Promise<boolean>
  /** Shuts down as SIGTERM does; settles at the end, with `true` if this process exits next. */
  stop(): Promise<boolean>
  /** Lets the hammer fall where something drains; tells on which generations. */
  hammer(): Promise<number[]>
}
