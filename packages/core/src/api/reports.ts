/** What came of a restart: `{ number: 1, pid: 4711, durationMs: 230 }`. */
export interface RestartReport {
  /** Number of the generation that has taken over. */
  number: number
  /** Its pid. */
  pid: number
  /** From the call until it had taken over, in ms. */
  durationMs: number
}

/** How the last restart ended that a generation knows of: its own start, or its last try to hand over. */
export interface LastRestart {
  outcome: 'taken-over' | 'failed'
  /** Number of the new generation. */
  number: number
  /** Its pid; `null` if it could not be started. */
  pid: number | null
  /** From the call until it had taken over or failed, in ms; `null` where nobody has told. */
  durationMs: number | null
  /** How long ago that was, in ms. */
  agoMs: number
  /** Why it failed: as the {@link EndlessError} says it. */
  error: {
    code: string
    message: string
    exitCode: number | null
    signal: string | null
    stderr: string[]
  } | null
}

/** What came of a shutdown: `{ reason: 'handoff', durationMs: 1200, hammered: 0 }`. */
export interface ShutdownReport {
  /** A successor has taken over, somebody asked for it, or the user closed the server. */
  reason: 'handoff' | 'shutdown' | 'closed'
  /** From the beginning of the drain until the last connection had ended, in ms. */
  durationMs: number
  /** How many connections the hammer destroyed. */
  hammered: number
}
