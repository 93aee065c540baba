/**
 * Names what the client saw.
 *
 * - `connect`: there was no connection (refused, reset while connecting, TLS handshake)
 * - `no-response`: the connection ended after the request was sent and before a response began
 * - `cut`: the response began and did not end
 * - `timeout`: neither an end nor an error within `requestTimeoutMs`
 * - `status`: another status than the call expects
 * - `body`: a complete response with the wrong content
 */
export type FailureKind = 'connect' | 'no-response' | 'cut' | 'timeout' | 'status' | 'body'

/** Describes one failed request: nothing is ever sent again, so each is a request lost. */
export interface Failure {
  /** Milliseconds since `start()`. */
  atMs: number
  kind: FailureKind
  /** The errno name where the system gave one: `ECONNRESET`, `ECONNREFUSED`. */
  code?: string
  message: string
  /** `keep-alive 12` or `fresh 3310`. */
  connection: string
  call: string
  /** The connection had carried a request before. */
  reusedSocket: boolean
  /** Milliseconds from sending to failing. */
  afterMs: number
  /** Between a `markRestart()` and 2 s after the first answer of the new pid. */
  inRestart: boolean
}

/** Carries the kind of a failure from where it is seen to where it is recorded. */
export class ExchangeError extends Error {
  readonly kind: FailureKind
  readonly code: string | undefined
  readonly reusedSocket: boolean

  constructor(
    kind: FailureKind,
    message: string,
    details: { code?: string | undefined; reusedSocket: boolean; cause?: unknown },
  ) {
    super(message, { cause: details.cause })
    this.name = 'ExchangeError'
    this.kind = kind
    this.code = details.code
    this.reusedSocket = details.reusedSocket
  }
}

/** Returns a line for each sort of failure, the most frequent first. */
export function summarizeFailures(failures: readonly Failure[]): string[] {
  const counts = new Map<string, number>()
  for (const { kind, code, message, call, reusedSocket, inRestart } of failures) {
    const sort = [
      `${kind} ${code ?? message}`,
      call,
      reusedSocket ? 'reused connection' : 'new connection',
      inRestart ? 'during a restart' : 'in calm',
    ].join(', ')
    counts.set(sort, (counts.get(sort) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([sort, count]) => `${count} × ${sort}`)
}
