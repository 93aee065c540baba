import type { ChildProcess } from 'node:child_process'
import {
  command,
  type FromSupervisor,
  type RawHandle,
  type ToSupervisor,
} from '@endless/core/supervision'

/** What may wait for a generation that does not read, before it is dropped. */
const mostWaiting = 10_000

/** The line to a generation. Nothing that comes over it can end this process. */
export class Line {
  /** Settles when the other end is closed, which it is at the latest by the end of the process. */
  readonly closed: Promise<void>
  readonly #child: ChildProcess
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
    this.#child = child
    this.closed = new Promise((resolve) => child.once('disconnect', resolve))
    survive(child, onGarbage)
    child.on('internalMessage', (message: { cmd?: unknown } & ToSupervisor, handle?: RawHandle) => {
      if (message.cmd !== command) return
      try {
        onMessage(message, handle)
      } catch (error) {
        handle?.close()
        onGarbage(error)
      }
    })
  }

  /** Sends; settles when it was written, or never will be. The handle stays ours. */
  send(message: FromSupervisor, handle?: RawHandle): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#child.connected || this.#waiting >= mostWaiting) {
        resolve()
        return
      }
      this.#waiting++
      this.#child.send({ cmd: command, ...message }, handle as never, () => {
        // A failure means that the generation is gone, which its end tells better.
        this.#waiting--
        resolve()
      })
    })
  }
}

/**
 * Node parses what comes over the channel where nobody can catch what that throws: one line that is no
 * JSON would end this process (lib/internal/child_process.js, setupChannel).
 */
function survive(child: ChildProcess, onGarbage: (reason: unknown) => void): void {
  const key = Object.getOwnPropertySymbols(child).find(
    ({ description }) => description === 'kChannelHandle',
  )
  const handle = (child as unknown as Record<symbol, { onread: (...args: unknown[]) => void }>)[
    key ?? Symbol()
  ]
  if (!handle) return
  const onread = handle.onread
  handle.onread = function (...args) {
    try {
      onread.apply(this, args)
    } catch (error) {
      onGarbage(error)
    }
    // The end. While a handle waits for its acknowledgement, which cannot come any more, Node puts
    // 'disconnect' off for ever (the same, target.disconnect).
    const { _handleQueue: queue } = child as { _handleQueue?: unknown }
    if (args[0] === undefined && queue) process.nextTick(() => child.emit('disconnect'))
  }
}
