import http from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type net from 'node:net'
import tls from 'node:tls'
import { noteArrival, noteShared } from '../migration/http-alone.js'
import {
  acceptedSocketOf,
  acceptorOf,
  isBelowTls,
  tlsSocketAbove,
} from '../node/internals/connection-handle.js'
import {
  hasLostParser,
  httpServerOf,
  isDetached,
  parsedBy,
  parserOf,
  responseOn,
} from '../node/internals/http1-connection.js'
import { sessionOn } from '../node/internals/http2-session.js'
import { afterConnection } from '../node/internals/listening-handle.js'
import type { RawListener } from '../node/internals/raw-handle.js'
import { isHttp1, isHttp2 } from './kind.js'
import { OpenSockets } from './open-sockets.js'

/** A live set of connections. */
export interface Connections extends Iterable<net.Socket> {
  has(socket: net.Socket): boolean
}

const tracked = new WeakMap<net.Server, OpenConnections>()

/**
 * The open connections of one server, by what each of them speaks, whatever the server was made for. A connection is
 * the server's that has accepted it, also when it is emitted on another one for its protocol. One that no endless
 * server has accepted is the server's that it is emitted on. Costs one entry in a set for each connection, and
 * nothing for a request.
 *
 * See docs/decisions.md, "Who has accepted a connection drains it, and what it speaks says how"
 */
export class OpenConnections {
  /** Called when a connection has closed. */
  onClosed: () => void = () => undefined
  readonly #server: net.Server
  readonly #accepted = new OpenSockets(() => {
    this.onClosed()
  })
  /** The sockets above the accepted ones: those of TLS whose handshake has ended. */
  readonly #above = new OpenSockets()
  readonly #sessions = new Map<ServerHttp2Session, net.Socket>()
  readonly #isSecure: boolean
  readonly #isRaw: boolean
  /** Connections that had left HTTP in the predecessor. */
  readonly #adopted = new WeakSet<net.Socket>()

  constructor(server: net.Server) {
    this.#server = server
    this.#isSecure = server instanceof tls.Server
    this.#isRaw = !isHttp1(server) && !isHttp2(server)
    tracked.set(server, this)
    if (server instanceof http.Server) {
      // After Node's own listener, which gives it the parser: so it is known who has it.
      server.on('connection', (socket) => {
        this.#arrive(socket)
        noteArrival(server, socket)
      })
    } else {
      // Before Node's own listener: it creates the session, whose socket must be known by then.
      server.prependListener('connection', this.#arrive)
    }
    if (this.#isSecure) server.prependListener('secureConnection', this.#arriveAbove)
    if (isHttp2(server)) server.on('session', this.#addSession)
  }

  /** Every accepted TCP connection; the hammer destroys these. */
  get accepted(): ReadonlySet<net.Socket> {
    return this.#accepted.all
  }

  /** Connections that speak HTTP/1, each by its socket with the parser: the accepted one, or the TLS socket above it. */
  get speaking(): Connections {
    return this.#speakingTo(() => true)
  }

  /** HTTP/2 sessions, each with its socket: the accepted socket, or the TLS socket above it. */
  get sessions(): ReadonlyMap<ServerHttp2Session, net.Socket> {
    return this.#sessions
  }

  /** Those that speak HTTP/1 to one server, this one or another that they were emitted on. */
  speakingTo(server: http.Server): Connections {
    return this.#speakingTo((socket) => httpServerOf(socket) === server)
  }

  /** Whether an open TCP connection is one of this server's. */
  has(socket: net.Socket): boolean {
    return this.#accepted.has(socket)
  }

  /**
   * Connections on which nothing has begun: the TLS handshake has not ended, or nothing was ever read where a layer
   * of the program stands before HTTP.
   */
  get handshaking(): net.Socket[] {
    const below = this.#below
    return [...this.accepted].filter((socket) => {
      if (below.has(socket) || this.#isBegun(socket)) return false
      return isBelowTls(socket) ? this.#isSecure : socket.bytesRead === 0 && !this.#isLeftAlone
    })
  }

  /**
   * Connections whose protocol only the application knows: those that have left HTTP/1 for WebSocket or a tunnel,
   * that it has taken over from a response, or whose first bytes a layer of its own has kept from HTTP, and on a
   * raw server all that do not speak HTTP.
   */
  get upgraded(): net.Socket[] {
    const below = this.#below
    const accepted = [...this.accepted].filter((socket) => !below.has(socket))
    return [...accepted, ...this.#above.all].filter((socket) => {
      if (this.#adopted.has(socket)) return true
      if (parserOf(socket)) return isDetached(socket)
      if (hasLostParser(socket)) return !responseOn(socket)
      if (isBelowTls(socket)) return false
      return socket.bytesRead > 0 || this.#isLeftAlone || (this.#isRaw && this.#above.has(socket))
    })
  }

  /**
   * Sees each connection that a handle accepts, also if a layer of the application holds back its event, or has
   * removed our listener for it. Call when the server listens on the handle.
   */
  acceptOn(handle: RawListener): void {
    afterConnection(handle, (socket) => {
      if (this.#accepted.has(socket)) return
      noteShared(socket)
      this.#accepted.add(socket)
    })
  }

  /** Adds a connection that had left HTTP before this server received it. */
  addUpgraded(socket: net.Socket): void {
    this.#adopted.add(socket)
    // If the application gives it to HTTP, that has not had its first bytes.
    noteShared(socket)
    this.#accepted.add(socket)
  }

  /** Adds connections that HTTP has, and that have arrived without our notice: our listener may have been removed. */
  addUnseen(parsing: http.Server, sockets: Iterable<net.Socket> = parsedBy(parsing)): void {
    for (const socket of sockets) {
      if (this.#accepted.has(socket) || this.#above.has(socket)) continue
      const accepted = acceptedSocketOf(socket)
      const acceptor = acceptorOf(accepted)
      const isOrphan = parsing === this.#server && !(acceptor && tracked.has(acceptor))
      if (!this.#accepted.has(accepted)) {
        if (acceptor !== this.#server && !isOrphan) continue
        noteShared(accepted)
        this.#accepted.add(accepted)
      }
      if (accepted !== socket) this.#above.add(socket)
    }
  }

  /** Whether silence means nothing: a client of a raw protocol may wait for us to speak. */
  get #isLeftAlone(): boolean {
    return this.#isRaw && !this.#isSecure
  }

  /** Adds what a server behind this one has begun on its connections, HTTP/2 or HTTP over TLS: no event tells of it. */
  addFromBehind(): void {
    const below = this.#below
    for (const socket of this.accepted) {
      if (below.has(socket) || this.#isBegun(socket)) continue
      const top = isBelowTls(socket) ? tlsSocketAbove(socket) : socket
      const session = top && sessionOn(top)
      if (session) this.#addSession(session)
      else if (top && parserOf(top)) this.#above.add(top)
    }
  }

  /** The accepted sockets that something above them speaks for. */
  get #below(): Set<net.Socket> {
    return new Set(
      [...[...this.#above.all].map(acceptedSocketOf), ...this.sessions.values()].flatMap(
        (socket) => [socket, acceptedSocketOf(socket)],
      ),
    )
  }

  #isBegun(socket: net.Socket): boolean {
    return parserOf(socket) !== undefined || hasLostParser(socket) || this.#adopted.has(socket)
  }

  #speakingTo(speaksTo: (socket: net.Socket) => boolean): Connections {
    const accepted = this.#accepted
    const above = this.#above
    const speaks = (socket: net.Socket): boolean =>
      parserOf(socket) !== undefined && speaksTo(socket)
    return {
      has: (socket) => speaks(socket) && (accepted.has(socket) || above.has(socket)),
      *[Symbol.iterator]() {
        for (const sockets of [accepted, above]) {
          for (const socket of sockets.all) if (speaks(socket)) yield socket
        }
      },
    }
  }

  readonly #arrive = (socket: net.Socket): void => {
    const acceptor = acceptorOf(socket)
    if (acceptor === this.#server) this.#accepted.add(socket)
    else this.#arriveElsewhere(socket, this.#accepted)
  }

  readonly #arriveAbove = (socket: net.Socket): void => {
    this.#arriveElsewhere(socket, this.#above)
  }

  /** Adds a connection to the server that has accepted it, or to our own `sockets` if that is no endless one. */
  #arriveElsewhere(socket: net.Socket, sockets: OpenSockets): void {
    const accepted = acceptedSocketOf(socket)
    const acceptor = acceptorOf(accepted)
    const other = acceptor && acceptor !== this.#server ? tracked.get(acceptor) : undefined
    if (!other) sockets.add(socket)
    else if (accepted !== socket) other.#above.add(socket)
  }

  /** Runs within the event of the connection: Node creates a session there (lib/internal/http2/core.js). */
  readonly #addSession = (session: ServerHttp2Session): void => {
    // An earlier listener of the application has refused it, and it has no socket any more.
    if (session.destroyed) return
    // `session.socket` is a proxy that calls `once` on the real socket, and so returns that socket.
    const socket = session.socket.once('close', () => this.#sessions.delete(session))
    this.#above.delete(socket)
    this.#sessions.set(session, socket)
  }
}
