import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

export interface ConnectionCounts {
  /** Connections that were opened to be kept, the first ones included. */
  opened: number
  /** Opened because the one before had gone. */
  reconnects: number
  /** Times that another process answered on a connection than the one before. */
  moved: number
  /** Ended by the server, which had said `Connection: close`. */
  closedAnnounced: number
  /** Ended by the server without a word: a request that was just being sent would have been lost. */
  closedUnannounced: number
  /** Connections that were opened for one request each. */
  fresh: number
  /** Fresh ones that were due while as many as come in a second had no answer yet. */
  freshSkipped: number
  /** TLS handshakes, of fresh connections too. */
  handshakes: number
  /** Those that resumed a session. */
  resumed: number
}

interface SocketState {
  kept: boolean
  pid?: number
  announced: boolean
  endedByUs: boolean
}

/** Watches the sockets from outside: which are new, which the server ended, which changed process. */
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

  readonly #states = new WeakMap<Socket, SocketState>()
  #stopping = false

  /**
   * Looks at the socket that a request was given and tells whether it is a new one. `onOpen` is
   * called when a new one connects.
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

  /** Counts one more connection that is to be kept. */
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

  /** Notes that the client gave a connection up, with a request on it. */
  abandoned(socket: Socket): void {
    const state = this.#states.get(socket)
    if (state) state.endedByUs = true
  }

  /** From now on connections are closed by the client. */
  stop(): void {
    this.#stopping = true
  }

  // Not by 'end' and 'error': while a socket is idle the agent of Node 22 and later keeps both to
  // itself and only destroys it (lib/_http_agent.js, freeSocketOnReadGuard).
  #watchClose(socket: Socket, state: SocketState): void {
    // The agent gives up an idle connection in time, before the server does.
    socket.once('timeout', () => (state.endedByUs = true))
    socket.once('close', () => {
      if (state.announced || state.endedByUs || this.#stopping) return
      this.counts.closedUnannounced++
    })
  }

  #countHandshake(socket: TLSSocket): void {
    socket.once('secureConnect', () => {
      this.counts.handshakes++
      if (socket.isSessionReused()) this.counts.resumed++
    })
  }
}
