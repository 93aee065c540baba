/** Who keeps a connection, and for what. */
export type ConnectionKind = 'kept' | 'fresh' | 'idle' | 'websocket'

/**
 * How a connection ended.
 *
 * - `by-client`: the rehearsal closed it
 * - `announced`: by the server, which said so: `Connection: close`, GOAWAY, or a close frame
 * - `while-idle`: by the server, unannounced, while no request was on it: the next one would have been lost
 * - `in-request`: under a request, which is counted as lost
 * - `given-up`: by the rehearsal, after a request that timed out or after bytes that nobody had asked for
 * - `not-opened`: it could not be opened
 */
export type ConnectionEnd =
  'by-client' | 'announced' | 'while-idle' | 'in-request' | 'given-up' | 'not-opened'

/** Something that happened to a connection. */
export interface ConnectionEvent {
  atMs: number
  connection: number
  kind: ConnectionKind
  what: 'opened' | 'moved' | ConnectionEnd
  /** Index of the process that has the connection, as far as is known: else -1. */
  process: number
}

/** One connection, while it lives. */
export interface ConnectionTrace {
  readonly number: number
  readonly kind: ConnectionKind
  opened(): void
  /** Notes which process answered; it has the connection from then on. */
  answeredBy(process: number): void
  /** Notes the end; only the first call counts. */
  ended(how: ConnectionEnd): void
}

/** Keeps what happened to each connection. */
export class ConnectionLog {
  readonly events: ConnectionEvent[] = []
  readonly #now: () => number
  #count = 0

  /** @param now returns the time in ms since the rehearsal began */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Begins a connection that is about to be opened. */
  begin(kind: ConnectionKind): ConnectionTrace {
    const number = ++this.#count
    let process = -1
    let isOver = false
    let opening: ConnectionEvent | undefined
    const note = (what: ConnectionEvent['what']): ConnectionEvent => {
      const event = { atMs: this.#now(), connection: number, kind, what, process }
      this.events.push(event)
      return event
    }
    return {
      number,
      kind,
      opened() {
        opening = note('opened')
      },
      answeredBy(index) {
        if (index === process || index < 0) return
        const isMove = process >= 0
        process = index
        if (isMove) note('moved')
        // The first answer tells which process has had the connection from the beginning.
        else if (opening) opening.process = index
      },
      ended(how) {
        if (isOver) return
        isOver = true
        note(how)
      },
    }
  }
}
