import type net from 'node:net'
import { defaults } from '../api/defaults.js'
import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import { defaultTicketRotationMs, type ServerOptions, type WarmUp } from '../api/options.js'
import type { Limits } from '../connections/limits.js'
import type { SocketRights } from '../listeners/socket-rights.js'

/** The settings of one server: its options, and the defaults where an option is not set. */
export class ServerSettings {
  readonly #options: ServerOptions
  readonly #host: { readonly logger: Logger }
  #hasMayMoveFailed = false

  constructor(options: ServerOptions, host: { readonly logger: Logger }) {
    this.#options = options
    this.#host = host
  }

  /** The options of a server that a framework creates beside this one; hooks run once for both. */
  get ofSiblings(): ServerOptions {
    const { hooks: _, beforeBegin: __, readyProbe: ___, warmUp: ____, ...options } = this.#options
    return options
  }

  get hammerTimeMs(): number {
    return this.#options.hammerTimeMs ?? defaults.hammerTimeMs
  }

  /** `undefined`: the server's own keep-alive timeout decides. */
  get idleGraceMs(): number | undefined {
    return this.#options.idleGraceMs
  }

  get limits(): Limits {
    const { readTimeoutMs, writeTimeoutMs, maxHeaderBytes } = this.#options
    return {
      readTimeoutMs: readTimeoutMs ?? defaults.readTimeoutMs,
      writeTimeoutMs: writeTimeoutMs ?? defaults.writeTimeoutMs,
      maxHeaderBytes: maxHeaderBytes ?? defaults.maxHeaderBytes,
    }
  }

  /** Path that the server must answer before the process is ready. */
  get readyProbe(): string | undefined {
    return this.#options.readyProbe
  }

  /** What a successor asks of the server before it is ready. */
  get warmUp(): WarmUp | undefined {
    return this.#options.warmUp
  }

  /** Whether a successor whose warm-up fails does not take over. */
  get requiresWarmUp(): boolean {
    return this.#options.requireWarmUp ?? false
  }

  get rights(): SocketRights {
    const { socketMode: mode, socketOwner: owner } = this.#options
    return { mode, owner }
  }

  get ticketRotationMs(): number {
    return this.#options.ticketRotationMs ?? defaultTicketRotationMs
  }

  /** Whether the application lets any connection go to the successor. */
  get migrates(): boolean {
    return this.#options.migrateConnections !== false
  }

  /** The application's decision about a single connection: whether it may go to the successor. */
  get mayMove(): ((socket: net.Socket) => boolean) | undefined {
    const { migrateConnections } = this.#options
    if (typeof migrateConnections !== 'function') return undefined
    return (socket) => {
      try {
        return migrateConnections(socket)
      } catch (error) {
        // Logged once: the function is called for each connection, and again for each response.
        if (!this.#hasMayMoveFailed) {
          const text = `migrateConnections failed, so the connection stays here: ${messageOf(error)}`
          this.#host.logger.error(text)
        }
        this.#hasMayMoveFailed = true
        return false
      }
    }
  }
}
