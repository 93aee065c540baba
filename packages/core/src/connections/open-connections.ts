import type { ServerHttp2Session } from 'node:http2'
import type net from 'node:net'
import tls from 'node:tls'
import { acceptedSocketOf } from '../node/internals/connection-handle.js'
import { hasLostParser, isDetached, responseOn } from '../node/internals/http1-connection.js'
import { isHttp1, isHttp2 } from './kind.js'
import { OpenSockets } from './open-sockets.js'

/**
 * The open connections of one server. Costs one entry in a set for each connection, and nothing for a
 * request.
 */
export class OpenConnections {
  readonly #accepted = new OpenSockets()
  readonly #speaking: OpenSockets
  readonly #sessions = new Map<ServerHttp2Session, net.Socket>()
  readonly #isRaw: boolean
  /** Connections that had left HTTP in the predecessor. */
  readonly #adopted = new WeakSet<net.Socket>()

  constructor(server: net.Server) {
    const isSecure = server instanceof tls.Server
    this.#isRaw = !isHttp1(server) && !isHttp2(server)
    track(server, 'connection', this.#accepted)
    this.#speaking = isSecure || isHttp2(server) ? new OpenSockets() : this.#accepted
    if (isSecure) track(server, 'secureConnection', this.#speaking)
    if (isHttp2(server)) server.on('session', this.#addSession)
  }

  /** Every accepted TCP connection; the hammer destroys these. */
  get accepted(): ReadonlySet<net.Socket> {
    return this.#accepted.all
  }

  /**
   * Connections that speak HTTP/1, or the protocol of a raw server: the accepted sockets, or the TLS
   * sockets above them.
   */
  get speaking(): ReadonlySet<net.Socket> {
    return this.#speaking.all
  }

  /** HTTP/2 sessions, each with its socket: the accepted socket, or the TLS socket above it. */
  get sessions(): ReadonlyMap<ServerHttp2Session, net.Socket> {
    return this.#sessions
  }

  /** Whether an open TCP connection is one of this server's. */
  has(socket: net.Socket): boolean {
    return this.#accepted.has(socket)
  }

  /** TCP connections whose TLS handshake has not ended, or has never begun. */
  get handshaking(): net.Socket[] {
    if (this.#speaking === this.#accepted) return []
    const begun = new Set([...this.speaking, ...this.sessions.values()].map(acceptedSocketOf))
    return [...this.accepted].filter((socket) => !begun.has(socket))
  }

  /**
   * Connections that have left HTTP/1 for WebSocket or a tunnel, or that the application has taken over from a
   * response, and all connections of a raw server.
   */
  get upgraded(): net.Socket[] {
    if (this.#isRaw) return [...this.speaking]
    return [...this.speaking].filter(
      (socket) =>
        this.#adopted.has(socket) ||
        (hasLostParser(socket) && !responseOn(socket)) ||
        isDetached(socket),
    )
  }

  /** Adds a connection that had left HTTP before this server received it. */
  addUpgraded(socket: net.Socket): void {
    this.#adopted.add(socket)
    this.#accepted.add(socket)
    this.#speaking.add(socket)
  }

  /** Runs within the event of the connection: Node creates a session there (lib/internal/http2/core.js). */
  readonly #addSession = (session: ServerHttp2Session): void => {
    // An earlier listener of the application has refused it, and it has no socket any more.
    if (session.destroyed) return
    // `session.socket` is a proxy that calls `once` on the real socket, and so returns that socket.
    const socket = session.socket.once('close', () => this.#sessions.delete(session))
    this.#speaking.delete(socket)
    this.#sessions.set(session, socket)
  }
}

/** Keeps `sockets` filled with the open sockets that a server reports by an event. */
function track(server: net.Server, event: string, sockets: OpenSockets): void {
  // Before Node's own listener: it creates the session, whose socket must be known by then.
  server.prependListener(event, (socket: net.Socket) => {
    sockets.add(socket)
  })
}
