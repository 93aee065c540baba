import type { Clock } from './clock.js'
import type { Listener } from './listener.js'
import { tcpPrototype } from './native.js'
import type { Handle, Holder, ListenCopy, Parcel } from './handle.js'

/** The handle of one process to a listening socket. Node takes it for a TCP handle. */
export class ListenHandle implements ListenCopy {
  readonly owner: Holder
  readonly listener: Listener
  isAccepting = false
  /** Set by Node (lib/net.js, setupListenHandle). */
  onconnection?: (status: number, connection: Handle) => void
  readonly #clock: Clock
  isClosed = false
  readonly fd = 3

  constructor(listener: Listener, owner: Holder, clock: Clock) {
    this.listener = listener
    this.owner = owner
    this.#clock = clock
  }

  listen(_backlog: number): number {
    this.isAccepting = true
    this.listener.wake(this)
    return 0
  }

  /** Accepts one connection, and the next in a turn of its own. */
  accept(): void {
    if (this.isClosed) return
    const connection = this.listener.queue.shift()
    if (!connection) return
    this.onconnection?.(0, connection.open(this.owner))
    if (!this.#hasClosed) this.listener.wake(this)
  }

  pack(): Parcel {
    return this.listener.pack()
  }

  vanish(): void {
    this.isClosed = true
    this.isAccepting = false
    this.listener.close(this)
  }

  close(callback?: () => void): void {
    if (this.isClosed) return
    this.vanish()
    if (callback) this.#clock.soon(this.owner, () => callback.call(this))
  }

  ref(): void {
    // Nothing depends on it.
  }

  unref(): void {
    // Nothing depends on it.
  }

  hasRef(): boolean {
    return true
  }

  getAsyncId(): number {
    return 0
  }

  getsockname(out: object): number {
    const { port } = this.listener
    Object.assign(out, { address: '127.0.0.1', family: 'IPv4', port })
    return 0
  }

  /** Asked after what may have changed it. */
  get #hasClosed(): boolean {
    return this.isClosed
  }
}

Object.setPrototypeOf(ListenHandle.prototype, tcpPrototype)
