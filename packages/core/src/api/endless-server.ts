import type http from 'node:http'
import type net from 'node:net'
import type { HookPhase, HookSignal, SignalHook } from './hooks.js'
import type { ShutdownReport } from './reports.js'
import type { State } from './status.js'

/** One server that restarts without losing anything; what `endless(x)` makes. */
export interface EndlessServer<S extends net.Server = http.Server> {
  /** The server itself, as Node has it. Its `listen` is {@link EndlessServer.listen}. */
  readonly server: S
  /** Where it listens: `127.0.0.1:3000`, `[::]:3000`, `unix:/run/app.sock`; `null` while it does not. */
  readonly address: string | null
  readonly state: State
  /**
   * Listens as Node's own: every overload, the same events and errors, in every generation. In a
   * successor, an address that the predecessor listens on is taken from it, at once.
   *
   * @throws Node's `ERR_SERVER_ALREADY_LISTEN` while it listens
   * @throws `ERR_ENDLESS_UNSUPPORTED` for a handle
   * @throws `ERR_ENDLESS_INVALID_ADDRESS` for a Unix socket's path that is too long
   */
  listen: S['listen']
  /**
   * Adds a hook around what endless does for a signal.
   *
   * @throws `ERR_ENDLESS_INVALID_HOOK` for an unknown phase or signal
   */
  registerSignalHook(phase: HookPhase, signal: HookSignal, hook: SignalHook): this
  /** Called once the server is bound; see {@link ServerOptions.beforeBegin}. */
  beforeBegin: (address: string) => void | Promise<void>
  /**
   * Drains this server and nothing else: it accepts no more, answers what it has read, and settles
   * when the last connection has ended. Never ends the process. A second call joins the first.
   */
  shutdown(): Promise<ShutdownReport>
  /** Settles when the server has terminated, for whatever reason; never rejects. */
  readonly terminated: Promise<ShutdownReport>
}
