import dns from 'node:dns'
import net from 'node:net'
import type { Logger } from '../api/logger.js'
import type { State } from '../api/status.js'
import { type RawListener, rawListenerOf } from '../node/internals.js'
import {
  askedText,
  type BoundAddress,
  formatAddress,
  type ListenTarget,
  type UnixAddress,
} from './address.js'
import { deferAccept } from './held-listeners.js'
import type { ListenCall, ListenCallHost } from './listen-call.js'
import type { PassedListener } from './passed-listener.js'
import { ServedPath } from './served-path.js'
import type { TicketKeys } from './ticket-keys.js'
import type { SocketRights } from './unix-path.js'
import { keepOnClose } from './unix-socket.js'

/** What listening needs of the process. */
export interface ListeningHost extends ListenCallHost {
  readonly logger: Logger
  claim(target: ListenTarget): PassedListener | undefined
  hasHeldPort(port: number): boolean
}

/** What belongs to the same server. */
interface ListeningParts {
  readonly life: { readonly state: State }
  readonly rights: SocketRights
  readonly ticketKeys: TicketKeys | undefined
}

type AnyListen = (...args: unknown[]) => unknown

/** Where a server listens: on a socket that was passed to it, or on one that it has bound. */
export class Listening {
  readonly #server: net.Server
  readonly #life: { readonly state: State }
  readonly #host: ListeningHost
  readonly #rights: SocketRights
  readonly #ticketKeys: TicketKeys | undefined
  /** As the server had it before it was endless. */
  readonly #nodeListen: AnyListen
  #call: ListenCall | undefined
  #path: ServedPath | undefined
  #address: Exclude<BoundAddress, UnixAddress> | undefined
  #handle: RawListener | null = null
  #accept: (() => void) | undefined
  #endTakingBack: (() => void) | undefined

  constructor(
    server: net.Server,
    host: ListeningHost,
    { life, rights, ticketKeys }: ListeningParts,
  ) {
    this.#server = server
    this.#host = host
    this.#life = life
    this.#rights = rights
    this.#ticketKeys = ticketKeys
    this.#nodeListen = server.listen.bind(server) as AnyListen
  }

  /** Where its predecessor and its successor know it by: kept while the server drains. */
  get bound(): string | null {
    const bound = this.#bound
    return bound ? formatAddress(bound) : null
  }

  get #bound(): BoundAddress | undefined {
    return this.#path?.bound ?? this.#address
  }

  /** What it listens on, or listened on before it began to drain: connections are adopted by it. */
  get handle(): RawListener | null {
    return this.#handle
  }

  /** Whether it does not accept yet on a socket that it has claimed. */
  get isPutOff(): boolean {
    return this.#accept !== undefined
  }

  /** What a successor is given; `undefined` while it does not listen. */
  get passable(): PassedListener | undefined {
    const handle = rawListenerOf(this.#server)
    const asked = this.#call && askedText(this.#call.target)
    const bound = this.#bound
    if (!handle || asked === undefined || !bound) return undefined
    return { asked, bound, handle, ticketKeys: this.#ticketKeys?.passed }
  }

  /** Has Node refuse a call: the server listens already. */
  refuse(args: readonly unknown[]): void {
    this.#nodeListen(...args)
  }

  /** Does what a call asks for; the server's events tell how that went. */
  begin(call: ListenCall, args: readonly unknown[]): void {
    const { target } = call
    this.#endTakingBack?.()
    this.#call = call
    this.#path = undefined
    this.#address = undefined
    if (this.#claim(call)) return
    if (target.kind === 'path' && call.written !== undefined) {
      this.#observe(call)
      this.#serve(target.path, call).bind()
      if (call.signal?.aborted) this.#server.close()
      return
    }
    const isName = target.kind === 'tcp' && target.host !== undefined && net.isIP(target.host) === 0
    if (!isName || !this.#host.hasHeldPort(target.port)) {
      this.#nodeListen(...args)
      return
    }
    // Another name for what the predecessor may have bound: only the address tells. Node looks the
    // name up too, so `'listening'` is no later than ever.
    dns.lookup(target.host ?? '', (error, address) => {
      if (error || !this.#claim({ ...call, target: { ...target, host: address } })) {
        this.#nodeListen(...args)
      }
    })
  }

  /** Listens again, on the escrow of its socket or on a new one. Calls back when it does, or cannot. */
  again(escrow: RawListener | undefined, done: () => void): void {
    const settle = (): void => {
      this.#endTakingBack = undefined
      this.#server.off('listening', settle)
      this.#server.off('error', onError)
      done()
    }
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.syscall === 'listen') {
        this.#host.logger.error(`Cannot listen on ${this.bound ?? ''} again: ${error.message}`)
        settle()
      } else if (this.#server.listenerCount('error') === 1) {
        // Not ours, and without us nobody would hear it.
        throw error
      }
    }
    this.#endTakingBack = settle
    this.#server.once('listening', settle)
    this.#server.on('error', onError)
    const backlog = this.#call?.backlog
    if (this.#path?.bound) this.#path.again(escrow)
    else if (escrow) this.#nodeListen(escrow, backlog)
    else if (this.#address) {
      const { address, port } = this.#address
      this.#nodeListen({ host: address, port, backlog })
    } else settle()
  }

  /** Nobody listens again on the escrow of its socket. */
  giveUp(escrow: RawListener | undefined): void {
    if (escrow && this.#path) this.#path.giveUp(escrow)
    else escrow?.close()
  }

  /** The server has begun to listen, at the application's word or again. */
  opened(): 'begun' | 'again' {
    this.#handle = rawListenerOf(this.#server)
    return this.#endTakingBack ? 'again' : 'begun'
  }

  /** The server has begun to listen where it did not listen before. */
  begun(): void {
    this.#ticketKeys?.start()
    const bound = this.#server.address()
    // Of a Unix socket the server knows less than what bound it.
    if (bound !== null && typeof bound === 'object') this.#address = bound
  }

  /** Accepts on a socket that was claimed before its time. */
  accept(): void {
    this.#accept?.()
    this.#accept = undefined
  }

  /** Never accepts on a socket that was claimed before its time. */
  renounce(): void {
    this.#accept = undefined
  }

  /** Leaves its path to a successor, which has the socket too. */
  leavePath(): void {
    if (this.#handle) keepOnClose(this.#handle)
  }

  /** Has its path lead to it again, if somebody has removed that. */
  mendPath(): void {
    this.#path?.mend()
  }

  /** The server has closed. */
  closed(): void {
    this.#ticketKeys?.stop()
    this.renounce()
    this.#endTakingBack?.()
  }

  #claim(call: ListenCall): boolean {
    const claimed = this.#host.claim(call.target)
    if (!claimed) return false
    const { bound, handle, ticketKeys } = claimed
    if (ticketKeys) this.#ticketKeys?.take(ticketKeys)
    const accept = deferAccept(handle)
    this.#observe(call)
    if ('path' in bound) {
      const socket = { handle, bound }
      const path = this.#serve(bound.path, call)
      this.#putOff(accept, () => path.take(socket))
      path.listenOn(socket)
    } else {
      this.#putOff(accept)
      this.#address = bound
      this.#nodeListen(handle, call.backlog)
    }
    if (call.signal?.aborted) this.#server.close()
    return true
  }

  #putOff(accept: () => number, accepted?: () => void): void {
    this.#accept = () => {
      const errno = accept()
      if (errno >= 0) accepted?.()
      else {
        const text = `cannot accept on a passed socket (errno ${String(errno)})`
        // In a turn of its own: nobody but the application's listeners may catch it.
        process.nextTick(() => this.#server.emit('error', new Error(text)))
      }
    }
  }

  #serve(path: string, call: ListenCall): ServedPath {
    const served: ServedPath = new ServedPath(path, call, {
      server: this.#server,
      host: this.#host,
      rights: this.#rights,
      isWanted: () => this.#path === served && this.#life.state !== 'terminate',
    })
    this.#path = served
    return served
  }

  /** What Node does with these, where it is not Node that is given the call. */
  #observe({ signal, callback }: ListenCall): void {
    signal?.addEventListener('abort', () => this.#server.close(), { once: true })
    if (callback) this.#server.once('listening', callback)
  }
}
