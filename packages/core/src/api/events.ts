import { EventEmitter } from 'node:events'
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import type { EndlessError } from './endless-error.js'
import type { RestartReport, ShutdownReport } from './reports.js'

/** What {@link Generation.on} can be asked to report, with what each listener is given. */
export interface GenerationEvents {
  /** This process serves. */
  ready: []
  /** A successor is being started: `{ number: 1 }`. */
  restarting: [{ number: number }]
  /** That successor will not serve; this process goes on. */
  'restart-failed': [EndlessError]
  /** The successor of this process serves: `{ number: 1, pid: 4711, durationMs: 230 }`. */
  'taken-over': [RestartReport]
  /**
   * A server begins to drain; `upgraded` has its WebSockets and tunnels, for a farewell, and of a
   * `node:net` or `node:tls` server all its open sockets. Comes again, with that one alone, for each
   * connection that is upgraded or adopted in the middle of the drain.
   */
  drain: [{ server: net.Server; upgraded: Duplex[] }]
  /**
   * The predecessor has given an upgraded connection away by {@link Generation.migrate}: `{ socket,
   * state: { name: 'Ada' }, server }`. The socket is paused; `resume()` begins to read.
   */
  adopt: [{ socket: net.Socket; state: unknown; server: net.Server }]
  /** The hammer has fallen on a server: `{ server, destroyed: 3 }`. */
  hammer: [{ server: net.Server; destroyed: number }]
  /** This process has nothing left to serve, and exits next if it may. */
  terminate: [ShutdownReport]
}

type Listener = (...args: never) => unknown

/**
 * The typed emitter behind {@link Generation.on}. A listener that fails is reported, and what it was
 * told of goes on: an error of the application's metrics must not leave a restart half done.
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
      // Async: one that returns a promise fails later.
      const call = async (): Promise<unknown> => listener(...(args as never))
      call().catch((error: unknown) => {
        this.#onFailure(event, error)
      })
    }
  }
}
