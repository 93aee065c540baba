import net from 'node:net'
import { drainChannel, type DrainTrace, traced } from '../api/diagnostics.js'
import { durationOf } from '../api/duration.js'
import type { Logger } from '../api/logger.js'
import type { ShutdownReport } from '../api/reports.js'
import type { State } from '../api/status.js'
import { AcceptQueue } from '../listeners/accept-queue.js'
import { rawListenerOf } from '../node/internals/listening-handle.js'
import {
  endConnectionChecks,
  hasGivenToChildren,
  isDrained,
  shadowEmitClose,
} from '../node/internals/server.js'
import { longestDelayMs, type System } from '../node/system.js'
import { connectionsOf } from './count.js'
import type { DrainOptions } from './drain-options.js'
import { Hammer } from './hammer.js'
import { drainHttp1 } from './http1.js'
import { drainHttp2 } from './http2.js'
import { isHttp1, isHttp2 } from './kind.js'
import { watchArrivals, watchUpgrades } from './late-upgrades.js'
import type { OpenConnections } from './open-connections.js'

// The drain of one server, whatever protocol it speaks.

/** What {@link Draining} needs from its server and the process. */
export interface DrainingHost {
  readonly system: System
  readonly logger: Logger
  /**
   * Reports the connections that have left HTTP, and all of a raw server; called again for each that leaves
   * HTTP, or ends its TLS handshake with a raw server, during the drain.
   */
  draining(upgraded: net.Socket[]): void
  hammered(destroyed: number): void
}

/**
 * The drain of one server: from when it stops accepting until it has closed or accepts again.
 * See docs/decisions.md, "The event `close` of a server is held back"
 */
export class Draining {
  readonly #server: net.Server
  readonly #connections: OpenConnections
  readonly #life: { readonly state: State }
  readonly #host: DrainingHost
  readonly #hammer: Hammer
  readonly #waiters = new Set<() => void>()
  #reason: ShutdownReport['reason'] = 'closed'
  #beganMs: number | undefined
  #hammered = 0
  #isUnderWay = false
  #undo: (() => void) | undefined
  #isOver = false
  #letClose: ((isOver: boolean) => void) | undefined
  /** What still waits to be accepted before the socket closes. */
  #queue: AcceptQueue | undefined
  /** Reports the drain; it waits until the socket is closed. */
  #announce: (() => void) | undefined

  constructor(
    server: net.Server,
    connections: OpenConnections,
    life: { readonly state: State },
    host: DrainingHost,
  ) {
    this.#server = server
    this.#connections = connections
    this.#life = life
    this.#host = host
    this.#hammer = new Hammer((afterMs) => {
      this.#destroyConnections(afterMs)
    })
    connections.onClosed = () => {
      this.#wake()
    }
  }

  /** Whether the server's connections are being ended. */
  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /**
   * Stops accepting; connections go on, and 'close' is held back until `letClose`.
   * See docs/decisions.md, "A drain does not call `http.Server#close`"
   *
   * @param queueLength how many connections that wait in the socket's queue are still accepted, in the next
   * turns of the loop
   */
  stopAccepting(reason: ShutdownReport['reason'], queueLength = 0): void {
    // Set here and not in `begin`: with no connections, this alone closes the server.
    this.#reason = reason
    this.#letClose ??= shadowEmitClose(this.#server, () => {
      this.#wake()
    })
    const handle = rawListenerOf(this.#server)
    if (handle && queueLength > 0) {
      this.#queue = new AcceptQueue(handle, queueLength, () => {
        this.#queue = undefined
        this.#announce?.()
        this.#wake()
      })
    }
    // Not http.Server#close, which closes idle connections at once (Node 19 and later).
    net.Server.prototype.close.call(this.#server)
  }

  /**
   * Begins to end the connections; those that remain when the hammer time is over are destroyed.
   *
   * @param address where the server has listened, for who traces the drain
   */
  begin(
    hammerTimeMs: number,
    options: Omit<DrainOptions, 'system' | 'hammerTimeMs'>,
    address: string | null = null,
  ): void {
    const { system } = this.#host
    this.#beganMs = system.now()
    this.#isUnderWay = true
    // Armed before anything that could fail: without the hammer, a failed drain would never end.
    this.#hammer.arm(system, hammerTimeMs)
    const undoEnding = endConnections(this.#server, this.#connections, {
      system,
      hammerTimeMs,
      ...options,
    })
    const watch = isHttp1(this.#server) || isHttp2(this.#server) ? watchUpgrades : watchArrivals
    let endWatch = (): void => undefined
    this.#announce = () => {
      this.#announce = undefined
      endWatch = watch(this.#server, (socket) => {
        this.#host.draining([socket])
      })
      this.#host.draining(this.#connections.upgraded)
    }
    this.#undo = () => {
      this.#announce = undefined
      endWatch()
      undoEnding()
    }
    if (drainChannel.hasSubscribers) {
      const trace = { server: this.#server, address, reason: this.#reason }
      void traced(drainChannel, trace, () => this.#outcome(this.#undo))
    }
    // What listens to this may rely on it that nothing is accepted any more.
    if (!this.#queue) this.#announce()
  }

  /**
   * Settles when the server has neither a listening socket nor a connection left, also none that it has given to a
   * child; or when the hammer has fallen, whatever is left then.
   * See docs/decisions.md, "After the hammer nothing is waited for"
   *
   * @param signal ends the wait, which then never settles, at the next change: without a listener for each change
   */
  async drained(signal?: AbortSignal): Promise<void> {
    while (!this.#isDrained) {
      await this.#change()
      if (signal?.aborted) await new Promise(() => undefined)
    }
  }

  /** Resolves with how a drain has ended, which is known by its undo. */
  async #outcome(drain: (() => void) | undefined): Promise<DrainTrace['result']> {
    while (this.#undo === drain && !this.#isDrained) await this.#change()
    return { outcome: this.#isDrained ? 'drained' : 'taken-back', hammered: this.#hammered }
  }

  get #isDrained(): boolean {
    if (this.#life.state === 'terminate' || this.#isOver) return true
    // Node's count alone would do if no server had children (lib/net.js, Server#close, onWorkerClose).
    return !this.#queue && isDrained(this.#server) && this.#connections.accepted.size === 0
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.add(resolve))
  }

  /** Destroys the remaining connections, if they are being ended. */
  strike(): void {
    if (this.isUnderWay) this.#hammer.strike()
  }

  /** Closes the listening socket now, without those that still wait in its queue. */
  closeQueue(): void {
    this.#queue?.close()
  }

  /** Lets the server close as soon as it has drained. */
  letClose(): void {
    this.#letClose?.(this.#isOver)
    this.#letClose = undefined
  }

  /** Stops ending the connections, so that the server keeps them; 'close' is still held back. */
  breakOff(): void {
    this.#hammer.disarm()
    this.#isUnderWay = false
    this.#undo?.()
    this.#undo = undefined
    this.#reason = 'closed'
    this.#beganMs = undefined
    this.#isOver = false
    this.#wake()
  }

  /** Resets the drain of a server that has closed, and returns the report. */
  end(): ShutdownReport {
    const nowMs = this.#host.system.now()
    const report: ShutdownReport = {
      reason: this.#reason,
      durationMs: Math.round(nowMs - (this.#beganMs ?? nowMs)),
      hammered: this.#hammered,
    }
    this.breakOff()
    // Normally done by http.Server#close, which may never have been called on this server.
    endConnectionChecks(this.#server)
    this.#hammered = 0
    this.#wake()
    return report
  }

  #wake(): void {
    for (const resolve of this.#waiters) resolve()
    this.#waiters.clear()
  }

  /** @param afterMs time that is over; `undefined` if somebody let the hammer fall */
  #destroyConnections(afterMs: number | undefined): void {
    this.closeQueue()
    const left = [...this.#connections.accepted]
    const rest = hasGivenToChildren(this.#server)
      ? '; those of child processes are left to them'
      : ''
    const why =
      afterMs === undefined ? 'as requested' : `after ${durationOf(afterMs)} (hammerTimeMs)`
    if (left.length > 0 || rest !== '') {
      this.#host.logger.warn(`hammer: ${connectionsOf(left.length)} destroyed, ${why}${rest}`)
    }
    for (const session of this.#connections.sessions.keys()) session.destroy()
    for (const socket of left) socket.destroy()
    this.#hammered += left.length
    this.#host.hammered(left.length)
    // The application hears of the end of its connections before it hears of the server's.
    setImmediate(() =>
      setImmediate(() => {
        if (!this.#isUnderWay) return
        this.#isOver = true
        this.#wake()
      }),
    )
  }
}

/**
 * Ends the connections of a server that no longer accepts, as the protocol of each demands. On a raw server, those
 * that do not speak HTTP are left to the application, which alone knows their protocol. Returns an undo
 * function, which leaves the server as it was.
 */
export function endConnections(
  server: net.Server,
  connections: OpenConnections,
  options: DrainOptions,
): () => void {
  const undoHttp2 = drainHttp2(server, connections, options)
  const undoHttp1 = drainHttp1(server, connections, options)
  // Referenced: a connection keeps no event loop alive while it is not read from, as when the
  // application does not read a request's body.
  const hold = setInterval(() => undefined, longestDelayMs)
  return () => {
    clearInterval(hold)
    undoHttp1()
    undoHttp2()
  }
}
