import { EventEmitter } from 'node:events'
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import type { EndlessError } from './endless-error.js'
import type { RestartReport, ShutdownReport } from './reports.js'

// The events of a generation: their types, and the emitter behind them.

/** Events of {@link Generation.on}, with the arguments of their listeners. */
export interface GenerationEvents {
  /** This process serves. */
  ready: []
  /**
   * The predecessor of this process is gone, as {@link Generation.predecessorGone} says. Never emitted in
   * generation 0.
   */
  'predecessor-gone': []
  /** A successor is being started: `{ number: 1 }`. */
  restarting: [{ number: number }]
  /**
   * The successor failed, or was rolled back while on probation (`ERR_ENDLESS_ROLLED_BACK`); this process
   * serves on, or again.
   */
  'restart-failed': [EndlessError]
  /** The successor of this process serves: `{ number: 1, pid: 4711, durationMs: 230, dropped: [] }`. */
  'taken-over': [RestartReport]
  /**
   * The probation has passed. Emitted in both generations: the one that serves is proven, and the one that
   * stayed behind ends.
   */
  proven: []
  /** This process was on probation, and its predecessor serves again: this process drains and ends. */
  'rolled-back': [EndlessError]
  /**
   * A server begins to drain. `upgraded` has its WebSockets and tunnels, so that you can say goodbye to
   * them, and what speaks a protocol of your own; for a `node:net` or `node:tls` server, all its open sockets that
   * do not speak HTTP. Emitted again for each connection that is upgraded or adopted during the drain, with that
   * connection alone.
   */
  drain: [{ server: net.Server; upgraded: Duplex[] }]
  /**
   * The predecessor, or a successor that is rolled back, has moved an upgraded connection to this process by {@link Generation.migrate}:
   * `{ socket, state: { name: 'Ada' }, server }`. The socket is paused; `resume()` starts reading.
   */
  adopt: [{ socket: net.Socket; state: unknown; server: net.Server }]
  /** The hammer has fallen on a server: `{ server, destroyed: 3 }`. */
  hammer: [{ server: net.Server; destroyed: number }]
  /**
   * This process has nothing left to serve. It exits next, unless {@link ProcessOptions.exit} is `false` or
   * the application closed the last server itself.
   */
  terminate: [ShutdownReport]
}

type Listener = (...args: never) => unknown

/**
 * The typed emitter behind {@link Generation.on}. If a listener fails, `onFailure` is called and nothing else
 * happens: an error in the application's metrics must not leave a restart half done.
 */
export class Events {
  readonly #emitter = new EventEmitter()
  readonly #onFailure: (event: keyof GenerationEvents, error: unknown) => void

  constructor(onFailure: (event: keyof GenerationEvents, error: unknown) => void) {
    this.#onFailure = onFailure
  }

  on<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): void {
    this.#emitter.on(event, listener)
  }

  off<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): void {
    this.#emitter.off(event, listener)
  }

  has(event: keyof GenerationEvents): boolean {
    return this.#emitter.listenerCount(event) > 0
  }

  emit<E extends keyof GenerationEvents>(event: E, ...args: GenerationEvents[E]): void {
    for (const listener of this.#emitter.listeners(event) as Listener[]) {
      // Async: a listener that returns a promise may fail later.
      const call = async (): Promise<unknown> => listener(...(args as never))
      call().catch((error: unknown) => {
        this.#onFailure(event, error)
      })
    }
  }
}
