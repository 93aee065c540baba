import type { RawListener } from '../node/internals.js'
import { askedText, type ListenTarget, matchesBound } from './address.js'
import type { PassedListener } from './passed-listener.js'
import { leadsTo, removePath } from './unix-path.js'

/** Listening sockets that somebody has passed on, until they are claimed here. */
export class HeldListeners {
  readonly #unclaimed: PassedListener[]
  #hasGivenUp = false

  constructor(listeners: PassedListener[]) {
    this.#unclaimed = [...listeners]
  }

  get unclaimed(): readonly PassedListener[] {
    return this.#hasGivenUp ? [] : this.#unclaimed
  }

  /** Whether a name that has to be looked up first could turn out to be one of ours. */
  hasPort(port: number): boolean {
    return port !== 0 && this.unclaimed.some(({ bound }) => 'port' in bound && bound.port === port)
  }

  /**
   * Gives the socket that this call asks for: the one that the predecessor asked for with the same
   * words, else the one that is bound there. Of equals (port 0 twice) the first that is left.
   * `undefined` too when it is known by its path, and somebody has removed that: it must be bound anew.
   */
  claim(target: ListenTarget): PassedListener | undefined {
    if (this.#hasGivenUp) return undefined
    const asked = askedText(target)
    const byWords = this.#unclaimed.findIndex((held) => held.asked === asked)
    const index =
      byWords >= 0 ? byWords : this.#unclaimed.findIndex(({ bound }) => matchesBound(target, bound))
    const [held] = index < 0 ? [] : this.#unclaimed.splice(index, 1)
    if (!held || !('path' in held.bound) || leadsTo(held.bound)) return held
    held.handle.close()
    return undefined
  }

  /**
   * Closes what nobody has claimed: connections must be refused there, not wait for ever. Call when
   * this process serves; one whose predecessor has died may still have to listen.
   */
  giveUp(): void {
    for (const { bound, handle } of this.unclaimed) {
      if ('path' in bound) removePath(bound)
      handle.close()
    }
    this.#hasGivenUp = true
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
