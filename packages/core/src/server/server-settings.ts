import type net from 'node:net'
import { defaults } from '../api/defaults.js'
import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import { defaultTicketRotationMs, type ServerOptions } from '../api/options.js'
import type { Limits } from '../connections/limits.js'
import type { SocketRights } from '../listeners/unix-path.js'

/** What one server goes by: its options, and the defaults where they say nothing. */
export class ServerSettings {
  readonly #options: ServerOptions
  readonly #host: { readonly logger: Logger }
  #hasMayMoveFailed = false

  constructor(options: ServerOptions, host: { readonly logger: Logger }) {
    this.#options = options
    this.#host = host
  }

  /** What a server that a framework makes beside it goes by; hooks run once for both. */
  get ofSiblings(): ServerOptions {
    const { hooks: _, beforeBegin: __, ...options } = this.#options
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

  get rights(): SocketRights {
    const { socketMode: mode, socketOwner: owner } = this.#options
    return { mode, owner }
  }

  get ticketRotationMs(): number {
    return this.#options.ticketRotationMs ?? defaultTicketRotationMs
  }

  /** Whether any connection goes to the successor, as far as the application says. */
  get migrates(): boolean {
    return this.#options.migrateConnections !== false
  }

  /** What the application says of single connections: whether one goes to the successor. */
  get mayMove(): ((socket: net.Socket) => boolean) | undefined {
    const { migrateConnections } = this.#options
    if (typeof migrateConnections !== 'function') return undefined
    return (socket) => {
      try {
        return migrateConnections(socket)
      } catch (error) {
        // It is asked for each connection, and for each response again.
        if (!this.#hasMayMoveFailed) {
          const text = `migrateConnections failed, so what it is asked for stays: ${messageOf(error)}`
          this.#host.logger.error(text)
        }
        this.#hasMayMoveFailed = true
        return false
      }
    }
  }
}
