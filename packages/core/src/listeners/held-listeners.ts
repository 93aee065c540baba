import type { RawListener } from '../node/internals/raw-handle.js'
import {
  askedText,
  isSameAddress,
  type ListenTarget,
  matchesBound,
  type UdpAddress,
} from './address.js'
import type { Passable, PassedListener, PassedUdpSocket } from './passed-listener.js'
import { leadsTo, removePath } from './unix-path.js'

/** Holds passed sockets, from a predecessor or a service manager, until they are claimed. */
export class HeldListeners {
  readonly #listeners: PassedListener[]
  readonly #udpSockets: PassedUdpSocket[]
  #hasGivenUp = false

  constructor(listeners: readonly PassedListener[], udpSockets: readonly PassedUdpSocket[] = []) {
    this.#listeners = [...listeners]
    this.#udpSockets = [...udpSockets]
  }

  get unclaimed(): readonly Passable[] {
    return this.#hasGivenUp ? [] : [...this.#listeners, ...this.#udpSockets]
  }

  /** Whether a host name with this port, once looked up, could lead to a held socket. */
  hasPort(port: number): boolean {
    if (port === 0 || this.#hasGivenUp) return false
    return this.#listeners.some(({ bound }) => 'port' in bound && bound.port === port)
  }

  /**
   * Takes out the socket that a `listen` call asks for: the socket for which the predecessor's call
   * had the same text, else the socket that is bound at the target. Of equal sockets (port 0 twice),
   * the first that is left. A Unix socket whose path was removed is closed, and the result is
   * `undefined`: the path must be bound anew.
   */
  claim(target: ListenTarget): PassedListener | undefined {
    if (this.#hasGivenUp) return undefined
    const asked = askedText(target)
    const byWords = this.#listeners.findIndex((held) => held.asked === asked)
    const index =
      byWords >= 0 ? byWords : this.#listeners.findIndex(({ bound }) => matchesBound(target, bound))
    const [held] = index < 0 ? [] : this.#listeners.splice(index, 1)
    if (!held || !('path' in held.bound) || leadsTo(held.bound)) return held
    held.handle.close()
    return undefined
  }

  /** Takes out the UDP socket that is bound at an address; `undefined` if there is none. */
  claimUdp(address: UdpAddress): PassedUdpSocket | undefined {
    if (this.#hasGivenUp) return undefined
    const index = this.#udpSockets.findIndex(({ bound }) => isSameAddress(bound, address))
    return index < 0 ? undefined : this.#udpSockets.splice(index, 1)[0]
  }

  /**
   * Closes the unclaimed sockets: connections there must be refused, not wait for ever. Call once this
   * process serves: even if its predecessor has died, the application may still have to listen.
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
 * Makes `server.listen(handle)` do everything but accept. Returns a function that starts accepting,
 * and that returns 0 or a negative errno.
 *
 * libuv accepts from `uv_listen` on, so that call waits. Connections queue in the kernel meanwhile,
 * because the socket has listened since an earlier generation.
 * See docs/decisions.md, "A listen claims, and accepting waits"
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
