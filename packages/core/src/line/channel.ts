import type { RawHandle } from '../node/internals.js'

// The line between two processes: its interface, and what marks its messages.

/**
 * `cmd` of every message that endless sends. Node emits a message whose `cmd` begins with `NODE_` as
 * 'internalMessage', never as 'message' (child_process docs, "subprocess.send").
 *
 * See docs/decisions.md, "All messages are internal messages of Node"
 */
export const command = 'NODE_ENDLESS'

/** One end of the line between two processes. */
export interface Channel<Out extends { type: string }, In extends { type: string }> {
  /**
   * Sends a message. Settles when it has been written (not: received); with a handle, when the peer has it.
   *
   * @throws (rejects) `PeerGone` if the peer is gone; any other error if the peer lives, and certainly did not
   * get the message, for example because it has no descriptor left for the handle
   */
  send(message: Out, handle?: RawHandle): Promise<void>
  /** Called for each message of the peer. The owner of this end sets it, once. */
  onMessage: (message: In, handle?: RawHandle) => void
  /** Called for each handle that the peer has taken or could not take, in the order of the sends. */
  onHandleAnswer: (isTaken: boolean) => void
  /** Settles when the peer has closed its end, at the latest when it dies. */
  readonly closed: Promise<void>
  /** Keeps this process alive while the line is open. */
  ref(): void
  unref(): void
}
