import type { RawHandle } from '../node/internals/raw-handle.js'

/**
 * A handle that this process owns, and of which it sends copies. It is closed once, and only when each
 * send has settled: Node sends one handle at a time, and nothing in place of one that was closed in its
 * queue (lib/internal/child_process.js, _handleQueue).
 */
export class OwnedHandle<Handle extends RawHandle> {
  readonly #handle: Handle
  #sends = 0
  #isClosing = false

  constructor(handle: Handle) {
    this.#handle = handle
  }

  /** Lends the handle to a send, and returns what the send returns. */
  async lend<Result>(send: (handle: Handle) => Promise<Result>): Promise<Result> {
    this.#sends++
    try {
      return await send(this.#handle)
    } finally {
      this.#sends--
      this.#closeIfDue()
    }
  }

  /** Closes the handle as soon as no send needs it; nobody may lend it any more. */
  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#closeIfDue()
  }

  #closeIfDue(): void {
    if (this.#isClosing && this.#sends === 0) this.#handle.close()
  }
}
