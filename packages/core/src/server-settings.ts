import type net from 'node:net'
import type { Limits } from './connections/timeouts.js'
import { defaults } from './defaults.js'
import type { SocketRights } from './listeners/unix-path.js'
import { defaultTicketRotationMs, type ServerOptions } from './options.js'

/** What one server goes by: its options, and the defaults where they say nothing. */
export class ServerSettings {
  readonly #options: ServerOptions

  constructor(options: ServerOptions) {
    this.#options = options
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

  /** Whether the application lets an open connection go to the successor. */
  readonly mayMove = (socket: net.Socket): boolean => {
    const { migrateConnections = true } = this.#options
    return typeof migrateConnections === 'function'
      ? migrateConnections(socket)
      : migrateConnections
  }
}
