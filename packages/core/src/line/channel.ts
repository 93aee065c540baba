import type { RawHandle } from '../node/internals.js'

/**
 * `cmd` of every message of ours. Node delivers messages whose `cmd` begins with `NODE_` as
 * 'internalMessage', never as 'message' (child_process docs, "subprocess.send"), so that an
 * application never sees one, and its own 'message' listeners keep nothing alive.
 */
export const command = 'NODE_ENDLESS'

/** One end of the line between two generations. */
export interface Channel<Out extends { type: string }, In extends { type: string }> {
  /**
   * Sends; settles when it was written (not: received), with a handle when the peer has it.
   *
   * @throws (rejects) {@link HandleLost} if the peer could not take the handle, and so has neither;
   * another error when the peer is gone
   */
  send(message: Out, handle?: RawHandle): Promise<void>
  /** Called for each message of the peer; set once by the owner of this end. */
  onMessage: (message: In, handle?: RawHandle) => void
  /** Called for each handle that the peer has got, or could not take, in the order of the sends. */
  onHandleAnswer: (isTaken: boolean) => void
  /** Settles when the peer has closed its end, which it does at the latest by dying. */
  readonly closed: Promise<void>
  /** Keeps the process alive as long as the line is open. */
  ref(): void
  unref(): void
}
