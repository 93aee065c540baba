import type net from 'node:net'
import type { System } from '../node/system.js'

/** How long a connection may be busy in a drain before it is stopped, at most a quarter of the hammer time. */
const patienceMs = 1_000
/** The time into the drain until a connection with a way out may stay, at most half of the hammer time. */
const lastCallMs = 30_000

/**
 * How long a drain waits until its connections are idle by themselves. Some never are: their clients send the next
 * request before they have read the last response.
 *
 * See docs/decisions.md, "A connection that is never idle is stopped"
 */
export class Patience {
  readonly #system: System
  readonly #perConnectionMs: number
  readonly #lastCallMs: number
  /** Since when each connection has been busy, in this drain. */
  readonly #busySince = new WeakMap<net.Socket, number>()

  /** @param hammerTimeMs negative: the hammer never falls */
  constructor(system: System, hammerTimeMs: number) {
    const boundMs = hammerTimeMs < 0 ? Infinity : hammerTimeMs
    this.#system = system
    this.#perConnectionMs = Math.min(patienceMs, boundMs / 4)
    this.#lastCallMs = system.now() + Math.min(lastCallMs, boundMs / 2)
  }

  /** Whether even a connection that could move has been here for too long. */
  get isOver(): boolean {
    return this.#system.now() >= this.#lastCallMs
  }

  noteBusy(socket: net.Socket): void {
    if (!this.#busySince.has(socket)) this.#busySince.set(socket, this.#system.now())
  }

  /** How long a busy connection may still be busy, in ms; more than 0, and `Infinity` when that is over. */
  leftMs(socket: net.Socket): number {
    const since = this.#busySince.get(socket)
    const leftMs = (since ?? Infinity) + this.#perConnectionMs - this.#system.now()
    return leftMs > 0 ? leftMs : Infinity
  }

  noteIdle(socket: net.Socket): void {
    this.#busySince.delete(socket)
  }

  /** Whether a connection has been busy for too long, without a moment in which it was seen idle. */
  isOverFor(socket: net.Socket): boolean {
    const since = this.#busySince.get(socket)
    return (
      since !== undefined && (this.isOver || this.#system.now() >= since + this.#perConnectionMs)
    )
  }
}
