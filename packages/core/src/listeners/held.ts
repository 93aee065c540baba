import type { RawListener } from '../internals.js'
import type { HeldListener } from '../handoff/protocol.js'
import { askedText, matchesBound, type ListenTarget } from './address.js'

/** The listening sockets that came from the predecessor and that nobody has claimed yet. */
export class HeldListeners {
  readonly #unclaimed: HeldListener[]

  constructor(listeners: HeldListener[]) {
    this.#unclaimed = [...listeners]
  }

  get unclaimed(): readonly HeldListener[] {
    return this.#unclaimed
  }

  /** Whether a name that has to be looked up first could turn out to be one of ours. */
  hasPort(port: number): boolean {
    return port !== 0 && this.#unclaimed.some(({ bound }) => 'port' in bound && bound.port === port)
  }

  /**
   * Gives the socket that this call asks for: the one that the predecessor asked for with the same
   * words, else the one that is bound there. Of equals (port 0 twice) the first that is left.
   */
  claim(target: ListenTarget): HeldListener | undefined {
    const asked = askedText(target)
    const byWords = this.#unclaimed.findIndex((held) => held.asked === asked)
    const index =
      byWords >= 0 ? byWords : this.#unclaimed.findIndex(({ bound }) => matchesBound(target, bound))
    return index < 0 ? undefined : this.#unclaimed.splice(index, 1)[0]
  }
}

/**
 * Makes `server.listen(handle)` do everything but accept, and answers what begins to accept.
 *
 * libuv accepts from its own `uv_listen` on, so that call is what has to wait: connections queue in
 * the kernel meanwhile, as the socket listens since an earlier generation.
 */
export function deferAccept(handle: RawListener): () => number {
  let backlog = 511
  handle.listen = (asked) => {
    backlog = asked
    return 0
  }
  return () => {
    Reflect.deleteProperty(handle, 'listen')
    return handle.listen(backlog)
  }
}
