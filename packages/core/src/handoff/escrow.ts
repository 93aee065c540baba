import type { RawListener } from '../node/internals/raw-handle.js'

/**
 * Copies of listening sockets that a successor sent back, by bound address. They are never listened on:
 * each only keeps its socket and the queue of waiting connections alive.
 * See docs/decisions.md, "The escrow is a copy that the successor sends back"
 */
export class Escrow {
  readonly #handles = new Map<string, RawListener>()
  #isClosed = false

  /** Whether this process will not take over again. Copies that arrive later are closed. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  add(bound: string, handle: RawListener): void {
    if (this.#isClosed) handle.close()
    else this.#handles.set(bound, handle)
  }

  /** Takes copies again: this process may have to take over after all. */
  reopen(): void {
    this.#isClosed = false
  }

  /** Removes and returns a copy; `undefined` if there is none. */
  take(bound: string): RawListener | undefined {
    const handle = this.#handles.get(bound)
    this.#handles.delete(bound)
    return handle
  }

  close(): void {
    for (const handle of this.#handles.values()) handle.close()
    this.#handles.clear()
    this.#isClosed = true
  }
}
