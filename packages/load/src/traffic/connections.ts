import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

// Counts the client's connections: opened, moved to another process, closed by the server.

export interface ConnectionCounts {
  /** Connections that were opened to be kept, the first connections included. */
  opened: number
  /** Those of `opened` that replaced a connection which had ended. */
  reconnects: number
  /** Responses from another process than the previous response on the same connection. */
  moved: number
  /** Kept connections whose end the server announced with `Connection: close`. */
  closedAnnounced: number
  /** Kept connections that the server ended unannounced: a request on its way would have been lost. */
  closedUnannounced: number
  /** Connections that were opened for one request each. */
  fresh: number
  /** Fresh connections not opened when due, because one second's worth of them were still unanswered. */
  freshSkipped: number
  /** TLS handshakes, including those of fresh connections. */
  handshakes: number
  /** TLS handshakes that resumed a session. */
  resumed: number
}

/** A kept connection that the server ended unannounced. */
export interface Closure {
  /** Milliseconds since `start()`. */
  atMs: number
  /** The client's port. */
  localPort: number | undefined
}

interface SocketState {
  kept: boolean
  pid?: number
  announced: boolean
  endedByUs: boolean
}

/** Watches the client's sockets: which are new, which the server ended, which moved to another process. */
export class Connections {
  readonly counts: ConnectionCounts = {
    opened: 0,
    reconnects: 0,
    moved: 0,
    closedAnnounced: 0,
    closedUnannounced: 0,
    fresh: 0,
    freshSkipped: 0,
    handshakes: 0,
    resumed: 0,
  }

  /** One for each of `closedUnannounced`. */
  readonly closures: Closure[] = []
  readonly #states = new WeakMap<Socket, SocketState>()
  readonly #now: () => number
  #stopping = false

  /** @param now returns the milliseconds since the start of the load */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Registers the socket of a request; returns whether the socket is new. `onOpen` is called when a new
   * socket that is to be kept connects.
   */
  used(socket: Socket, { kept, onOpen }: { kept: boolean; onOpen?: () => void }): boolean {
    if (this.#states.has(socket)) return false
    const state: SocketState = { kept, announced: false, endedByUs: false }
    this.#states.set(socket, state)
    if ('isSessionReused' in socket) this.#countHandshake(socket as TLSSocket)
    if (kept) {
      socket.once('connect', () => {
        onOpen?.()
        this.#watchClose(socket, state)
      })
    }
    return true
  }

  /** Counts a connection that is to be kept; `again` if it replaces an earlier connection. */
  opened({ again }: { again: boolean }): void {
    this.counts.opened++
    if (again) this.counts.reconnects++
  }

  headArrived({ socket, headers }: IncomingMessage): void {
    const state = this.#states.get(socket)
    if (!state?.kept || state.announced || headers.connection?.toLowerCase() !== 'close') return
    state.announced = true
    this.counts.closedAnnounced++
  }

  answered(socket: Socket, pid: number): void {
    const state = this.#states.get(socket)
    if (!state) return
    if (state.pid !== undefined && state.pid !== pid) this.counts.moved++
    state.pid = pid
  }

  /** Notes that the client gave up a connection during a request. */
  abandoned(socket: Socket): void {
    const state = this.#states.get(socket)
    if (state) state.endedByUs = true
  }

  /** Notes that from now on the client closes the connections. */
  stop(): void {
    this.#stopping = true
  }

  // Listens for 'close', not for 'end' and 'error': since Node 22 the agent consumes both while a socket is
  // idle, and only destroys the socket (lib/_http_agent.js, freeSocketOnReadGuard).
  #watchClose(socket: Socket, state: SocketState): void {
    const { localPort } = socket // a closed socket has forgotten it
    // The agent closes an idle connection at its timeout, before the server does.
    socket.once('timeout', () => (state.endedByUs = true))
    socket.once('close', () => {
      if (state.announced || state.endedByUs || this.#stopping) return
      this.counts.closedUnannounced++
      this.closures.push({ atMs: this.#now(), localPort })
    })
  }

  #countHandshake(socket: TLSSocket): void {
    socket.once('secureConnect', () => {
      this.counts.handshakes++
      if (socket.isSessionReused()) this.counts.resumed++
    })
  }
}
