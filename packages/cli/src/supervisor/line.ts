import type { ChildProcess } from 'node:child_process'
import {
  type Channel,
  channelTo,
  deferred,
  type FromSupervisor,
  isBackedUp,
  isPeerGone,
  keptChars,
  type RawHandle,
  type ToSupervisor,
} from '@endless/core/for-cli'
import { refusalOf } from './message-rules.js'

// The supervisor's line to a generation.

/** Most messages, other than text, that may wait for a generation that does not read. */
const mostWaiting = 10_000

/**
 * Line to a generation. Nothing that comes over it can end this process, and nothing that waits to be sent
 * can fill its memory.
 * See docs/decisions.md, "Garbage on a channel ends no process" and "Only text is dropped on a line"
 */
export class Line {
  /** Resolves when the other end is closed, at the latest by the end of its process, or is given up. */
  readonly closed: Promise<void>
  readonly #child: ChildProcess
  readonly #channel: Channel<FromSupervisor, ToSupervisor>
  readonly #onUnread: () => void
  readonly #givenUp = deferred()
  #isGivenUp = false
  #waiting = 0
  /** Text that waits for earlier text to be written. */
  #text = ''
  #isTextWaiting = false

  /**
   * @param onMessage called for each message that a generation may send; an error that it throws goes to `onGarbage`
   * @param onGarbage called with the reason when anything else arrives
   * @param onUnread called when the generation has left so many messages unread that it is given up
   */
  constructor(
    child: ChildProcess,
    onMessage: (message: ToSupervisor, handle: RawHandle | undefined) => void,
    onGarbage: (reason: unknown) => void,
    onUnread: () => void,
  ) {
    this.#child = child
    this.#channel = channelTo(child, onGarbage)
    this.#channel.onMessage = (message, handle) => {
      const refusal = refusalOf(message, handle !== undefined)
      // The channel closes the handle and reports it.
      if (refusal !== undefined) throw new Error(refusal)
      onMessage(message, handle)
    }
    this.#onUnread = onUnread
    this.closed = Promise.race([this.#channel.closed, this.#givenUp.promise])
  }

  /**
   * Sends a message. The handle still belongs to the caller, who may close it when this resolves: with
   * `false` if the generation certainly did not get it. If the generation is gone, this is unknown, and
   * its end is reported elsewhere.
   */
  async send(message: FromSupervisor, handle?: RawHandle): Promise<boolean> {
    if (message.type === 'stderr') {
      this.#text = (this.#text + message.text).slice(-keptChars)
      if (!this.#isTextWaiting) this.#writeText()
      return true
    }
    if (this.#waiting >= mostWaiting) this.#giveUp()
    if (this.#isGivenUp) return false
    this.#writeText()
    this.#waiting++
    try {
      return await this.#write(message, handle)
    } finally {
      this.#waiting--
    }
  }

  async #write(message: FromSupervisor, handle?: RawHandle): Promise<boolean> {
    try {
      await this.#channel.send(message, handle)
      return true
    } catch (error) {
      return isPeerGone(error)
    }
  }

  #writeText(): void {
    if (this.#text === '') return
    const written = this.#write({ type: 'stderr', text: this.#text })
    this.#text = ''
    if (!isBackedUp(this.#child)) return
    this.#isTextWaiting = true
    void written.then(() => {
      this.#isTextWaiting = false
      this.#writeText()
    })
  }

  #giveUp(): void {
    if (this.#isGivenUp) return
    this.#isGivenUp = true
    this.#onUnread()
    this.#givenUp.resolve()
  }
}
