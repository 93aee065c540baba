import type { ServerHttp2Session } from 'node:http2'
import type net from 'node:net'
import tls from 'node:tls'
import { acceptedSocketOf, hasLostParser, responseOn } from '../node/internals.js'
import { isHttp1, isHttp2 } from './kind.js'

/**
 * The open connections of one server. Costs one entry in a set for each connection and nothing for
 * a request.
 */
export class OpenConnections {
  /** Every accepted TCP connection: what the hammer falls on. */
  readonly accepted = new Set<net.Socket>()
  /**
   * Those that speak HTTP/1, or what a raw server speaks: the same, or the TLS sockets above them.
   */
  readonly speaking: Set<net.Socket>
  /** Those that speak HTTP/2, each with its socket: the accepted one, or the TLS socket above it. */
  readonly sessions = new Map<ServerHttp2Session, net.Socket>()
  readonly #isRaw: boolean
  /** Those of a predecessor that had left HTTP there. */
  readonly #adopted = new WeakSet<net.Socket>()

  constructor(server: net.Server) {
    const isSecure = server instanceof tls.Server
    this.#isRaw = !isHttp1(server) && !isHttp2(server)
    track(server, 'connection', this.accepted)
    this.speaking = isSecure || isHttp2(server) ? new Set() : this.accepted
    if (isSecure) track(server, 'secureConnection', this.speaking)
    if (isHttp2(server)) server.on('session', this.#addSession)
  }

  /** Those whose TLS handshake has not ended, or never began: only the TCP connection is there. */
  get handshaking(): net.Socket[] {
    if (this.speaking === this.accepted) return []
    const begun = new Set([...this.speaking, ...this.sessions.values()].map(acceptedSocketOf))
    return [...this.accepted].filter((socket) => !begun.has(socket))
  }

  /** Those that have left HTTP/1 for WebSocket or a tunnel, and every one of a raw server. */
  get upgraded(): net.Socket[] {
    if (this.#isRaw) return [...this.speaking]
    return [...this.speaking].filter(
      (socket) => this.#adopted.has(socket) || (hasLostParser(socket) && !responseOn(socket)),
    )
  }

  /** Takes in a connection that had left HTTP already when this server got it. */
  addUpgraded(socket: net.Socket): void {
    this.#adopted.add(socket)
    for (const sockets of [this.accepted, this.speaking]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
  }

  /** Node makes a session while it emits that there is a connection (lib/internal/http2/core.js). */
  readonly #addSession = (session: ServerHttp2Session): void => {
    // What stands for the socket passes this on to it, and so answers the socket itself.
    const socket = session.socket.once('close', () => this.sessions.delete(session))
    this.speaking.delete(socket)
    this.sessions.set(session, socket)
  }
}

function track(server: net.Server, event: string, sockets: Set<net.Socket>): void {
  function forget(this: net.Socket): void {
    sockets.delete(this)
  }
  // In front of Node's own: a session is made there, and its socket has to be known by then.
  server.prependListener(event, (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('close', forget)
  })
}
