/** Node's own code for a send on a channel that is closed; the preload, which imports nothing, has it too. */
const code = 'ERR_IPC_CHANNEL_CLOSED'

/**
 * Reports that the peer of a line is gone: whether it got what was sent is unknown, and its end is noticed
 * elsewhere. If a send fails in any other way, the peer certainly did not get the message; it may live, or not.
 *
 * See docs/decisions.md, "Only the end of the peer leaves a send open"
 */
export class PeerGone extends Error {
  readonly code = code

  constructor() {
    super('the other process is gone')
  }
}

/** Whether a send failed because the peer is gone. */
export function isPeerGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
