import type { ClientDelay } from '../record/client-stalls.js'
import type { ConnectionEnd, ConnectionKind } from '../record/connection-log.js'
import type { Outcome } from '../record/outcome.js'
import type { AnsweringProcess } from '../record/process-log.js'
import type { Failure } from '../record/recorder.js'
import type { Latency } from './latencies.js'

// What a rehearsal reports. This is what `--json` prints.

/** A count in calm, and in the windows of the restarts. */
export interface Split {
  calm: number
  restarts: number
}

/** What happened to the connections of one kind. */
export type ConnectionCounts = Record<'opened' | 'moved' | ConnectionEnd, number>

/** One restart as its clients saw it; times in ms. */
export interface RestartReport {
  number: number
  /** What was done: `kill -HUP 4711`. */
  what: string
  /** Since the rehearsal began. */
  atMs: number
  /** Until the doer reported its end; null if it did not. */
  doneAfterMs: number | null
  /** The first new process that answered, and how long after the restart began; null if none is known. */
  pid: number | null
  firstAnswerAfterMs: number | null
  /** How long the window of the restart was open: until the new process had answered for the time to settle. */
  windowMs: number
  requests: number
  lost: number
  p99Ms: number
  maxMs: number
  /** Connections that moved, open, to another process, and those that the server closed, in the window. */
  moved: number
  closed: number
  /** Why the restart failed; null if it did not. */
  error: string | null
}

/** The result of a rehearsal; times in ms, those named `atMs` since the rehearsal began. */
export interface Report {
  /** The version of this format. */
  version: 1
  /** When the rehearsal began: `2026-05-01T12:00:00.000Z`. */
  date: string
  /** What ended it: all restarts were done, the user, or the time limit. */
  endedBy: 'plan' | 'interrupt' | 'time-limit'
  url: string
  protocol: 'HTTP/1.1' | 'HTTP/2'
  /** The command line that starts the server; null if it ran already. */
  server: string | null
  /** The command line of the rehearsal. */
  command: string
  machine: { cpu: string; cores: number; memoryBytes: number; system: string; node: string }
  durationMs: number
  verdict: { passed: boolean; sentence: string; complaints: string[] }
  requests: {
    total: number
    answered: number
    lost: number
    turnedAway: number
    /** Not sent when due, as too many were unanswered. */
    skipped: number
    /** Responses and messages that nobody had asked for. */
    unasked: number
    outcomes: Record<Outcome, Split>
  }
  latency: {
    calm: Latency
    restarts: Latency
    /** p99 in the windows of the restarts, divided by p99 in calm; null if one of them has no request. */
    p99Ratio: number | null
  }
  connections: Record<ConnectionKind, ConnectionCounts>
  restarts: RestartReport[]
  /** The header by which the processes were known; null if they are not. */
  processesKnownBy: string | null
  /** Whether anything but the end of a command shows that the restarts happened: processes, or a supervisor. */
  areRestartsSeen: boolean
  processes: AnsweringProcess[]
  /** How often the server ended as a whole and the rehearsal started it again. */
  respawns: number
  client: {
    delay: ClientDelay
    /** Times in which this process itself was at least 20 ms late, and requests whose latency has part of one. */
    stalls: number
    stalledMs: number
    longestStallMs: number
    stalledRequests: number
  }
  /** The first 1,000. */
  failures: Failure[]
}
