import type http from 'node:http'
import type net from 'node:net'
import type { HookPhase, HookSignal, SignalHook } from './hooks.js'
import type { ShutdownReport } from './reports.js'
import type { State } from './status.js'

/** A server that restarts without losing anything, as `endless(x)` returns it. */
export interface EndlessServer<S extends net.Server = http.Server> {
  /** The Node.js server itself. Its `listen` is {@link EndlessServer.listen}. */
  readonly server: S
  /** Address in use: `127.0.0.1:3000`, `[::]:3000`, `unix:/run/app.sock`; `null` while it does not listen. */
  readonly address: string | null
  readonly state: State
  /**
   * Listens like Node's own `listen`: with every overload and the same events and errors, in every
   * generation. In a successor, it claims the predecessor's socket for the address, at once.
   *
   * @throws Node's `ERR_SERVER_ALREADY_LISTEN` while it listens
   * @throws `ERR_ENDLESS_UNSUPPORTED` for a handle
   * @throws `ERR_ENDLESS_INVALID_ADDRESS` for a Unix socket's path that is too long
   */
  listen: S['listen']
  /**
   * Registers a hook that runs before or after endless acts on a signal.
   *
   * @throws `ERR_ENDLESS_INVALID_HOOK` for an unknown phase or signal
   */
  registerSignalHook(phase: HookPhase, signal: HookSignal, hook: SignalHook): this
  /** Called once the server is bound; see {@link ServerOptions.beforeBegin}. */
  beforeBegin: (address: string) => void | Promise<void>
  /**
   * Drains this server alone: it accepts nothing new and answers the requests that it has read. Settles
   * when the last connection has ended. Never ends the process. A second call joins the first.
   */
  shutdown(): Promise<ShutdownReport>
  /** Settles when the server has terminated, for any reason; never rejects. */
  readonly terminated: Promise<ShutdownReport>
}
