import type { ChildProcess } from 'node:child_process'
import {
  type Channel,
  channelTo,
  type FromSupervisor,
  HandleLost,
  type RawHandle,
  type ToSupervisor,
} from '@endless/core/for-cli'

/** What may wait for a generation that does not read, before it is dropped. */
const mostWaiting = 10_000

/** The line to a generation. Nothing that comes over it can end this process. */
export class Line {
  /** Settles when the other end is closed, which it is at the latest by the end of the process. */
  readonly closed: Promise<void>
  readonly #channel: Channel<FromSupervisor, ToSupervisor>
  #waiting = 0

  /**
   * @param onMessage called for each message of ours; what it throws is the sender's fault
   * @param onGarbage called with the reason when something else has come
   */
  constructor(
    child: ChildProcess,
    onMessage: (message: ToSupervisor, handle: RawHandle | undefined) => void,
    onGarbage: (reason: unknown) => void,
  ) {
    this.#channel = channelTo(child, onGarbage)
    this.#channel.onMessage = onMessage
    this.closed = this.#channel.closed
  }

  /**
   * Sends. The handle stays ours, and may be closed when this settles: with `false` if the generation does
   * certainly not have it; of one that is gone nobody knows, and its end tells.
   */
  async send(message: FromSupervisor, handle?: RawHandle): Promise<boolean> {
    if (this.#waiting >= mostWaiting) return false
    this.#waiting++
    try {
      await this.#channel.send(message, handle)
      return true
    } catch (error) {
      return !(error instanceof HandleLost)
    } finally {
      this.#waiting--
    }
  }
}
