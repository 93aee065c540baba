/**
 * Kind of failure that the client saw.
 *
 * - `connect`: no connection (refused, reset while connecting, failed TLS handshake)
 * - `no-response`: the connection ended after the request was sent and before a response began
 * - `cut`: the response began but did not complete
 * - `timeout`: neither a complete response nor an error within `requestTimeoutMs`
 * - `status`: another status than the call expects
 * - `body`: a complete response with the wrong content
 */
export type FailureKind = 'connect' | 'no-response' | 'cut' | 'timeout' | 'status' | 'body'

/** Describes one failed request. Nothing is ever retried, so each failure is a lost request. */
export interface Failure {
  /** Milliseconds since `start()`. */
  atMs: number
  kind: FailureKind
  /** The errno name, if the system reported one: `ECONNRESET`, `ECONNREFUSED`. */
  code?: string
  message: string
  /** `keep-alive 12` or `fresh 3310`. */
  connection: string
  /** The client's port, by which the server can tell which process had the connection. */
  localPort?: number
  call: string
  /** Whether the connection had carried a request before. */
  reusedSocket: boolean
  /** Milliseconds from sending to failing. */
  afterMs: number
  /** Whether the request overlapped the window of a restart; see `RestartWindows`. */
  inRestart: boolean
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
