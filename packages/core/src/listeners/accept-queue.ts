import { aroundConnection } from '../node/internals/listening-handle.js'
import type { RawListener } from '../node/internals/raw-handle.js'
import { shadow } from '../node/shadow.js'

// The connections that wait in the kernel's queue when a server stops accepting for good.

/**
 * Puts off the closing of a listening handle until it has accepted what waits in its queue: the kernel
 * resets what waits there when the last copy of the socket closes.
 *
 * See docs/decisions.md, "What waits in the queue is accepted before a shutdown closes the socket"
 */
export class AcceptQueue {
  readonly #handle: RawListener
  readonly #limit: number
  readonly #onClose: () => void
  readonly #undo: () => void
  #accepted = 0
  #acceptedBefore = 0
  #isClosed = false

  /**
   * Begins to empty the queue. From now on, `handle.close` has no effect.
   *
   * @param limit how many connections may wait: those that come later must not keep the socket open
   * @param onClose called once, when the handle is closed
   */
  constructor(handle: RawListener, limit: number, onClose: () => void) {
    this.#handle = handle
    this.#limit = limit
    this.#onClose = onClose
    const undoClose = shadow(handle, 'close', () => undefined)
    const undoWatch = aroundConnection(handle, (accept) => {
      this.#accepted++
      accept()
    })
    this.#undo = () => {
      undoClose()
      undoWatch()
    }
    // The first runs before the loop polls, the next after it.
    setImmediate(() => setImmediate(this.#look))
  }

  /** Closes the handle now; what still waits is lost. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#undo()
    this.#handle.close()
    this.#onClose()
  }

  /** Runs after each poll: one that has accepted nothing has found the queue empty. */
  readonly #look = (): void => {
    const isEmpty = this.#accepted === this.#acceptedBefore
    this.#acceptedBefore = this.#accepted
    if (this.#isClosed) return
    if (isEmpty || this.#accepted >= this.#limit) this.close()
    else setImmediate(this.#look)
  }
}
