import type { RawListener } from '../node/internals.js'

/**
 * Copies of listening sockets that a successor has sent back, by where they are bound. Never listened
 * on, they only keep each socket and its queue alive.
 */
export class Escrow {
  readonly #handles = new Map<string, RawListener>()
  #isClosed = false

  /** Whether nobody takes over again: what comes then is closed. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  add(bound: string, handle: RawListener): void {
    if (this.#isClosed) handle.close()
    else this.#handles.set(bound, handle)
  }

  /** Takes a copy out; `undefined` if there is none. */
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
