import { type Outcome, outcomes } from './outcome.js'

/** One request that has ended; times in ms since the rehearsal began. */
export interface RequestRecord {
  /** When the request was sent; if its connection was still busy when it was due: when it was due. */
  sentMs: number
  endedMs: number
  outcome: Outcome
  /** Index of the process that answered, in the list of processes; -1 if unknown. */
  process: number
  /** Number of the connection. */
  connection: number
}

/**
 * Keeps every request, in columns: 100,000 requests are 4 MB, and no object of theirs is left to the garbage
 * collector, whose pauses would be measured as latency.
 */
export class RequestLog {
  readonly #sentMs: number[] = []
  readonly #endedMs: number[] = []
  readonly #outcomes: number[] = []
  readonly #processes: number[] = []
  readonly #connections: number[] = []

  get length(): number {
    return this.#sentMs.length
  }

  add(record: RequestRecord): void {
    this.#sentMs.push(record.sentMs)
    this.#endedMs.push(record.endedMs)
    this.#outcomes.push(outcomes.indexOf(record.outcome))
    this.#processes.push(record.process)
    this.#connections.push(record.connection)
  }

  /** Yields the requests in the order of their ends. */
  *[Symbol.iterator](): Generator<RequestRecord> {
    for (let at = 0; at < this.length; at++) {
      yield {
        sentMs: this.#sentMs[at] ?? 0,
        endedMs: this.#endedMs[at] ?? 0,
        outcome: outcomes[this.#outcomes[at] ?? 0] ?? 'answered',
        process: this.#processes[at] ?? -1,
        connection: this.#connections[at] ?? 0,
      }
    }
  }
}
