import type http from 'node:http'
import { shadow } from '../node/shadow.js'
import { announceLastResponses, type LastResponseOptions } from './last-response.js'
import type { OpenConnections } from './open-connections.js'

/** The HTTP servers that parse connections of a drain, and what the drain has put on them. */
export class ParsingServers {
  readonly #connections: OpenConnections
  readonly #options: LastResponseOptions
  readonly #undos = new Map<http.Server, (() => void)[]>()
  readonly #announcing = new Set<http.Server>()

  constructor(connections: OpenConnections, options: LastResponseOptions) {
    this.#connections = connections
    this.#options = options
  }

  get all(): Iterable<http.Server> {
    return this.#undos.keys()
  }

  has(server: http.Server): boolean {
    return this.#undos.has(server)
  }

  add(server: http.Server): void {
    if (this.has(server)) return
    // Other code may call `server.close()` during the drain (a signal handler, Fastify for its second
    // server), and `close` begins with this method (lib/_http_server.js, httpServerPreClose).
    this.#undos.set(server, [shadow(server, 'closeIdleConnections', () => undefined)])
  }

  /**
   * Makes the last response of each connection of a server say so.
   * See docs/decisions.md, "A server whose connections move is left alone"
   */
  announce(server: http.Server | undefined): void {
    const undos = server && this.#undos.get(server)
    if (!undos || this.#announcing.has(server)) return
    this.#announcing.add(server)
    undos.push(announceLastResponses(server, this.#connections.speakingTo(server), this.#options))
  }

  undo(): void {
    for (const undos of this.#undos.values()) for (const undo of undos) undo()
  }
}
