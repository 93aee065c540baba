import type net from 'node:net'
import tls from 'node:tls'
import { rawSocketOf, responseOn } from '../internals.js'

/**
 * The open connections of one server. Costs one entry in a set for each connection and nothing for
 * a request.
 */
export class Connections {
  /** Every accepted TCP connection: what the hammer falls on. */
  readonly accepted = new Set<net.Socket>()
  /** Those that speak the server's protocol: the same, or the TLS sockets above them. */
  readonly speaking: Set<net.Socket>

  readonly #adopted = new WeakSet<net.Socket>()

  constructor(server: net.Server) {
    track(server, 'connection', this.accepted)
    this.speaking = server instanceof tls.Server ? new Set() : this.accepted
    if (server instanceof tls.Server) track(server, 'secureConnection', this.speaking)
  }

  /** Those whose TLS handshake has not ended, or never began: only the TCP connection is there. */
  get handshaking(): net.Socket[] {
    if (this.speaking === this.accepted) return []
    const below = new Set([...this.speaking].map(rawSocketOf))
    return [...this.accepted].filter((socket) => !below.has(socket))
  }

  /** Those that have left HTTP/1 for WebSocket, a tunnel, or anything else. */
  get upgraded(): net.Socket[] {
    // An upgrade takes the parser away from the socket (lib/_http_server.js, onParserExecuteCommon).
    return [...this.speaking].filter(
      (socket) =>
        this.#adopted.has(socket) ||
        ('parser' in socket && socket.parser === null && !responseOn(socket)),
    )
  }

  /** Takes in a connection that had left HTTP already when this server got it. */
  addUpgraded(socket: net.Socket): void {
    this.#adopted.add(socket)
    this.accepted.add(socket)
    socket.on('close', () => this.accepted.delete(socket))
  }
}

function track(server: net.Server, event: string, sockets: Set<net.Socket>): void {
  function forget(this: net.Socket): void {
    sockets.delete(this)
  }
  server.on(event, (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('close', forget)
  })
}
