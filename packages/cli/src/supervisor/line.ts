import type { ChildProcess } from 'node:child_process'
import {
  type Channel,
  channelTo,
  type FromSupervisor,
  HandleLost,
  type RawHandle,
  type ToSupervisor,
} from '@endless/core/for-cli'
import { refusalOf } from './message-rules.js'

// The supervisor's line to a generation.

/** Most messages that wait for a generation that does not read; further ones are dropped. */
const mostWaiting = 10_000

/**
 * Line to a generation. Nothing that comes over it can end this process.
 * See docs/decisions.md, "Garbage on a channel ends no process"
 */
export class Line {
  /** Resolves when the other end is closed, at the latest by the end of its process. */
  readonly closed: Promise<void>
  readonly #channel: Channel<FromSupervisor, ToSupervisor>
  #waiting = 0

  /**
   * @param onMessage called for each message that a generation may send; an error that it throws goes to `onGarbage`
   * @param onGarbage called with the reason when anything else arrives
   */
  constructor(
    child: ChildProcess,
    onMessage: (message: ToSupervisor, handle: RawHandle | undefined) => void,
    onGarbage: (reason: unknown) => void,
  ) {
    this.#channel = channelTo(child, onGarbage)
    this.#channel.onMessage = (message, handle) => {
      const refusal = refusalOf(message, handle !== undefined)
      // The channel closes the handle and reports it.
      if (refusal !== undefined) throw new Error(refusal)
      onMessage(message, handle)
    }
    this.closed = this.#channel.closed
  }

  /**
   * Sends a message. The handle still belongs to the caller, who may close it when this resolves: with
   * `false` if the generation certainly did not get it. If the generation is gone, this is unknown, and
   * its end is reported elsewhere.
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
