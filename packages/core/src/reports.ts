/** What came of a restart: `{ number: 1, pid: 4711, durationMs: 230 }`. */
export interface RestartReport {
  /** Number of the generation that has taken over. */
  number: number
  /** Its pid. */
  pid: number
  /** From the call until it had taken over, in ms. */
  durationMs: number
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
