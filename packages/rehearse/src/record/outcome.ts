// What can become of a request.

/**
 * What became of a request. Nothing is ever sent twice, so whatever is not `answered` or `turned-away` is lost.
 *
 * - `turned-away`: HTTP/2 alone: the server said that it had not looked at the request, which may be repeated
 * - `refused`: nobody listened
 * - `unconnected`: another failure to connect, such as a reset or a failed TLS handshake
 * - `reset`: the connection ended after the request was sent, before a response began
 * - `cut`: the response began, and did not complete
 * - `timed-out`: no complete response within the time limit
 * - `wrong-status`: another status than the same path had before the load
 * - `wrong-body`: an echo that is not what was sent
 * - `foreign-body`: an echo of what another request had sent
 * - `out-of-order`: WebSockets alone: an echo after the echo of a later message
 * - `malformed`: bytes that are no response
 */
export type Outcome = (typeof outcomes)[number]

/** All outcomes, in the order of tables. */
export const outcomes = [
  'answered',
  'turned-away',
  'refused',
  'unconnected',
  'reset',
  'cut',
  'timed-out',
  'wrong-status',
  'wrong-body',
  'foreign-body',
  'out-of-order',
  'malformed',
] as const

/** Explains each outcome in a few words, for tables. */
export const meanings: Readonly<Record<Outcome, string>> = {
  answered: 'a complete response, as expected',
  'turned-away': 'HTTP/2: refused before any work, safe to repeat',
  refused: 'nobody listened',
  unconnected: 'could not connect: reset, or failed TLS handshake',
  reset: 'the connection ended before a response began',
  cut: 'the response began, and did not complete',
  'timed-out': 'no complete response in time',
  'wrong-status': 'another status than before the load',
  'wrong-body': 'an echo that is not what was sent',
  'foreign-body': 'an echo of what another request had sent',
  'out-of-order': 'an echo after that of a later message',
  malformed: 'bytes that are no response',
}

/** Whether a request with this outcome is lost. */
export function isLost(outcome: Outcome): boolean {
  return outcome !== 'answered' && outcome !== 'turned-away'
}
