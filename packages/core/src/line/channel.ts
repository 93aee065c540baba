import type { RawHandle } from '../node/internals/raw-handle.js'

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
   * @throws (rejects) `PeerGone` if the peer is gone, and may have got it; any other error if the peer certainly
   * did not get it, such as {@link HandleLost} if it lives and could not take the handle
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
