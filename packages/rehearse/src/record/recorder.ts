import { ClientStalls } from './client-stalls.js'
import { ConnectionLog } from './connection-log.js'
import { isLost, type Outcome } from './outcome.js'
import { ProcessLog } from './process-log.js'
import { RequestLog } from './request-log.js'

/** How late the client's event loop must be for a stall: with less, no request is taken for a slow one. */
const leastStallMs = 20
const failuresKept = 1_000

/** One lost request, or bytes that nobody had asked for; times in ms since the rehearsal began. */
export interface Failure {
  atMs: number
  kind: Outcome | 'unasked'
  /** `GET /`. */
  call: string
  /** `kept 12`: the kind and the number of the connection. */
  connection: string
  /** What the system or the parser said: `ECONNRESET`, `status 502`. */
  detail: string
  /** From sending to failing. */
  afterMs: number
}

/** One restart, as it went; times in ms since the rehearsal began. */
export interface RestartRecord {
  atMs: number
  /** When the way of restarting reported its end: the command exited, the service responded, the signal was sent. */
  doneMs?: number
  /** When its window closed: the new process had answered for the time to settle. */
  endMs?: number
  /** What was done: `kill -HUP 4711`. */
  what?: string
  /** Why the restart failed. */
  error?: string
}

/** Keeps everything that happens in a rehearsal. Nothing is judged here. */
export class Recorder {
  readonly requests = new RequestLog()
  readonly processes = new ProcessLog()
  readonly connections = new ConnectionLog(() => this.nowMs)
  readonly restarts: RestartRecord[] = []
  /** The first 1,000. */
  readonly failures: Failure[] = []
  readonly stalls = new ClientStalls(() => this.nowMs, leastStallMs)
  /** Responses and messages that nobody had asked for. */
  unasked = 0
  /** Requests that were not sent when due, as too many were still unanswered. */
  skipped = 0
  lost = 0
  #beganMs = performance.now()

  /** Milliseconds since `start()`. */
  get nowMs(): number {
    return performance.now() - this.#beganMs
  }

  start(): void {
    this.#beganMs = performance.now()
    this.stalls.start()
  }

  stop(): void {
    this.stalls.stop()
  }

  /** Notes an answer of a process; returns its index. */
  answeredBy(pid: number): number {
    return this.processes.answered(pid, this.nowMs, this.restarts.length)
  }

  ended(request: {
    sentMs: number
    outcome: Outcome
    detail: string
    call: string
    process: number
    connection: { number: number; kind: string }
  }): void {
    const { nowMs } = this
    const { sentMs, outcome, process, connection } = request
    this.requests.add({ sentMs, endedMs: nowMs, outcome, process, connection: connection.number })
    if (!isLost(outcome)) return
    this.lost++
    this.#fail({
      atMs: nowMs,
      kind: outcome,
      call: request.call,
      connection: `${connection.kind} ${connection.number}`,
      detail: request.detail,
      afterMs: nowMs - sentMs,
    })
  }

  /** Notes bytes that nobody had asked for. */
  gotUnasked(connection: { number: number; kind: string }, detail: string): void {
    this.unasked++
    this.#fail({
      atMs: this.nowMs,
      kind: 'unasked',
      call: '',
      connection: `${connection.kind} ${connection.number}`,
      detail,
      afterMs: 0,
    })
  }

  #fail(failure: Failure): void {
    if (this.failures.length < failuresKept) this.failures.push(failure)
  }
}
