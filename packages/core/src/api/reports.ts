// What a restart is asked for, and reports of how a restart or a shutdown went.

/** What a request for one restart may say besides the options of the process. */
export interface RestartOptions {
  /** As the option of the process, for this restart alone. */
  allowAddressChange?: boolean | undefined
  /** As the option of the process, for this restart alone. */
  probationMs?: number | undefined
  /**
   * How long the event loop of a successor on probation may be blocked, in ms, before it is rolled back; 0: for
   * ever. @default 5_000
   */
  maxBlockedMs?: number | undefined
  /**
   * How many workers restart at a time, once the first one has: a whole number. Without `endless run --workers` it
   * means nothing. @default 1
   */
  parallel?: number | undefined
  /**
   * Which share of the answers of a successor on probation may be errors (5xx), 0 to 1. Above that, and above
   * that of its predecessor's last minute, it is rolled back. HTTP/1 only. @default nobody counts
   */
  maxErrors?: number | undefined
}

/** What {@link Generation.restart} takes. */
export interface RestartRequest extends RestartOptions {
  /**
   * When the promise settles: when the successor has taken over, or when its probation has passed too.
   * @default 'ready'
   */
  wait?: 'ready' | 'proven' | undefined
}

/** Result of a successful restart: `{ number: 1, pid: 4711, durationMs: 230, dropped: [] }`. */
export interface RestartReport {
  /** Number of the generation that has taken over. */
  number: number
  /** Its pid. */
  pid: number
  /** Time from the call until it had taken over, in ms. */
  durationMs: number
  /** Addresses of the predecessor on which it does not listen, and which refuse now: `['127.0.0.1:3001']`. */
  dropped: string[]
  /** How long it is on probation, in ms; negative: until that is ended. Left out without a probation. */
  probationMs?: number | undefined
}

/** Outcome of the last restart known to a generation: its own start, or its last attempt to hand over. */
export interface LastRestart {
  outcome: 'taken-over' | 'failed'
  /** Number of the new generation. */
  number: number
  /** Its pid; `null` if it could not be started. */
  pid: number | null
  /** Time from the call until it had taken over or failed, in ms; `null` if unknown. */
  durationMs: number | null
  /** Addresses that refuse since then, as in {@link RestartReport}; empty if it failed. */
  dropped: string[]
  /** Time since then, in ms. */
  agoMs: number
  /** Why it failed: the data of the {@link EndlessError}. */
  error: {
    code: string
    message: string
    exitCode: number | null
    signal: string | null
    stderr: string[]
  } | null
}

/** Result of a shutdown: `{ reason: 'handoff', durationMs: 1200, hammered: 0 }`. */
export interface ShutdownReport {
  /** Another generation has taken over, a shutdown was requested, or the application closed the server. */
  reason: 'handoff' | 'shutdown' | 'closed'
  /** Time from the beginning of the drain until the last connection had ended, in ms. */
  durationMs: number
  /** How many connections the hammer destroyed. */
  hammered: number
}
