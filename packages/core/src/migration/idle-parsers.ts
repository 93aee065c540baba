import type http from 'node:http'
import type net from 'node:net'
import {
  betweenMessages,
  httpServerOf,
  isDetached,
  newestRequestOn,
} from '../node/internals/http1-connection.js'

/** The connections whose parsers are between two messages at this moment. Asks each server once. */
export class IdleParsers {
  readonly #known = new Map<http.Server, ReadonlySet<net.Socket> | undefined>()

  has(socket: net.Socket): boolean {
    const server = httpServerOf(socket)
    if (!server || isDetached(socket)) return false
    if (!this.#known.has(server)) {
      const between = betweenMessages(server)
      this.#known.set(server, between && new Set(between))
    }
    // See `findIdle`: of a server that has never listened, Node does not know.
    return this.#known.get(server)?.has(socket) ?? newestRequestOn(socket)?.complete !== false
  }
}
