/** How far a rehearsal is. */
export interface Progress {
  elapsedMs: number
  /** How many restarts have been begun, and how many there will be. */
  restart: number
  restarts: number
  /** How much of the planned time has passed, from 0 to 1. */
  fraction: number
  requests: number
  lost: number
  /** Answers by generation; empty if processes are not known. */
  answers: number[]
}
