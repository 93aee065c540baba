import dns from 'node:dns'
import net from 'node:net'
import type { Logger } from '../api/logger.js'
import type { State } from '../api/status.js'
import { listenOnTcp, rawListenerOf } from '../node/internals/listening-handle.js'
import type { RawListener } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import {
  askedText,
  formatAddress,
  type InetAddress,
  type ListenerAddress,
  type ListenTarget,
} from './address.js'
import { deferAccept } from './held-listeners.js'
import type { KeptListener } from './kept-listener.js'
import type { ListenCall, ListenCallHost } from './listen-call.js'
import { ListenContext } from './listen-context.js'
import type { PassedListener } from './passed-listener.js'
import { ServedPath } from './served-path.js'
import type { SocketRights } from './socket-rights.js'
import { TakingBack } from './taking-back.js'
import type { PassedTicketKeys, TicketKeys } from './ticket-keys.js'
import { keepOnClose, removeNow } from './unix-socket.js'

// Where one server listens: it claims a passed socket or binds its own, and takes it back from escrow.

/** What {@link Listening} needs from the process. */
export interface ListeningHost extends ListenCallHost {
  readonly system: Pick<System, 'platform' | 'isClusterWorker' | 'isWorkerThread' | 'setTimeout'>
  readonly logger: Logger
  claim(target: ListenTarget): PassedListener | undefined
  hasHeldPort(port: number): boolean
}

/** Other parts of the same server. */
interface ListeningParts {
  readonly life: { readonly state: State }
  readonly rights: SocketRights
  readonly ticketKeys: TicketKeys | undefined
}

/** Node's own (lib/net.js, setupListenHandle). */
const defaultBacklog = 511

type AnyListen = (...args: unknown[]) => unknown

/** Makes a server listen, on a socket that was passed to the process or on a new socket. */
export class Listening {
  readonly #server: net.Server
  readonly #life: { readonly state: State }
  readonly #host: ListeningHost
  readonly #rights: SocketRights
  readonly #ticketKeys: TicketKeys | undefined
  /** The server's `listen` from before endless replaced it. */
  readonly #nodeListen: AnyListen
  #call: ListenCall | undefined
  #context: ListenContext | undefined
  #path: ServedPath | undefined
  #address: InetAddress | undefined
  #handle: RawListener | null = null
  #accept: (() => void) | undefined
  #takingBack: TakingBack | undefined

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

  /** Address by which the predecessor and the successor know the server; kept during a drain. */
  get bound(): string | null {
    const bound = this.#bound
    return bound ? formatAddress(bound) : null
  }

  get #bound(): ListenerAddress | undefined {
    return this.#path?.bound ?? this.#address
  }

  /** Handle that the server listens on, or listened on before its drain; adopted connections use it. */
  get handle(): RawListener | null {
    return this.#handle
  }

  /** Whether the application has called `listen` since the server is endless. */
  get isAskedFor(): boolean {
    return this.#call !== undefined
  }

  /** Whether the server has claimed a socket and does not accept on it yet. */
  get isPutOff(): boolean {
    return this.#accept !== undefined
  }

  /** Socket for the successor; `undefined` while the server does not listen. */
  get passable(): PassedListener | undefined {
    const handle = rawListenerOf(this.#server)
    const asked = this.#call && askedText(this.#call.target)
    const bound = this.#bound
    if (!handle || asked === undefined || !bound) return undefined
    return { asked, bound, handle, ticketKeys: this.#ticketKeys?.passed }
  }

  /** Takes the ticket keys that all workers have from now on. */
  renewTicketKeys(keys: PassedTicketKeys): void {
    this.#ticketKeys?.take(keys)
    this.#ticketKeys?.start()
  }

  /** Makes Node refuse a call, because the server already listens. */
  refuse(args: readonly unknown[]): void {
    this.#nodeListen(...args)
  }

  /** Listens as a call asks; the server's events report the result. */
  begin(call: ListenCall, args: readonly unknown[]): void {
    const { target } = call
    this.#takingBack?.end()
    this.#call = call
    this.#context = new ListenContext()
    this.#path = undefined
    this.#address = undefined
    if (this.#claim(call)) return
    if (target.kind === 'path' && call.written !== undefined) {
      this.#observe(call)
      this.#serve(target.path, call).bind()
      return
    }
    const isName = target.kind === 'tcp' && target.host !== undefined && net.isIP(target.host) === 0
    if (!isName || !this.#host.hasHeldPort(target.port)) {
      this.#nodeListen(...args)
      return
    }
    // The host name may mean an address that the predecessor bound: only a lookup shows that. Node
    // would look it up too, so `'listening'` comes no later.
    dns.lookup(target.host ?? '', (error, address) => {
      if (error || !this.#claim({ ...call, target: { ...target, host: address } })) {
        this.#nodeListen(...args)
      }
    })
  }

  /**
   * Listens again: on the escrow of its socket, which may still be on its way here, or on a new socket.
   *
   * @param done called when the server listens, or with `false` when it ends or listens elsewhere first
   */
  again(takeEscrow: () => KeptListener | undefined, done: (isListening: boolean) => void): void {
    this.#takingBack = new TakingBack({
      timers: this.#host.system,
      logger: this.#host.logger,
      bound: this.bound ?? '',
      attempt: (settled) => {
        const escrow = takeEscrow()
        this.inContext(() => {
          this.#listenAgain(escrow, settled)
        })
        if (escrow) this.#context?.receiveOn(escrow.handle)
      },
      done: (isListening) => {
        this.#takingBack = undefined
        done(isListening)
      },
    })
    this.#takingBack.begin()
  }

  /** Closes the escrow of its socket, so that it never listens there again. */
  giveUp(escrow: KeptListener | undefined): void {
    if (escrow && this.#path) this.#path.giveUp(escrow)
    else escrow?.handle.close()
  }

  /** Call when the server listens; returns whether the application made it listen, or this process again. */
  opened(): 'begun' | 'again' {
    this.#handle = rawListenerOf(this.#server)
    const isRenewed = this.#path?.opened() ?? false
    return this.#takingBack || isRenewed ? 'again' : 'begun'
  }

  /** Call when a `listen` of the application has succeeded. */
  begun(): void {
    this.#ticketKeys?.start()
    const bound = this.#server.address()
    // For a Unix socket, the server returns only the path: `#path` also knows its identity.
    if (bound !== null && typeof bound === 'object') this.#address = bound
  }

  /** Starts accepting on a claimed socket that had to wait. */
  accept(): void {
    this.#accept?.()
    this.#accept = undefined
  }

  /** Gives up accepting on a claimed socket that still waits, and listening again. */
  renounce(): void {
    this.#accept = undefined
    this.#takingBack?.end()
  }

  /**
   * How many connections may wait in the queue of the socket; none that this process could accept while it
   * has only claimed the socket.
   */
  get queueLength(): number {
    const { isClusterWorker } = this.#host.system
    // The kernel takes one more than the backlog. A cluster worker has no queue: the primary accepts.
    return this.isPutOff || isClusterWorker ? 0 : (this.#call?.backlog ?? defaultBacklog) + 1
  }

  /** Removes the path of a Unix socket that is about to close, so that no further client finds it. */
  removePath(): void {
    if (this.#handle) removeNow(this.#handle)
  }

  /** Leaves the path of a Unix socket to the successor, which has the socket too. */
  leavePath(): void {
    if (this.#handle) keepOnClose(this.#handle)
  }

  /** Removes the path of a Unix socket that was left to a successor: nobody listens there any more. */
  abandonPath(): void {
    this.#path?.abandon()
  }

  /** Binds the path of a Unix socket anew, if it was removed. */
  mendPath(): void {
    this.inContext(() => this.#path?.mend())
  }

  /** Binds the path of a Unix socket anew, since a process that has the same socket is about to remove it. */
  keepPath(): void {
    this.inContext(() => this.#path?.keep())
  }

  /** Calls `body` in the asynchronous context of the last `listen` call, as if the server did. */
  inContext<T>(body: () => T): T {
    return this.#context ? this.#context.run(body) : body()
  }

  /** Call when the server has closed. */
  closed(): void {
    this.#ticketKeys?.stop()
    this.renounce()
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
    this.#context?.receiveOn(handle)
    return true
  }

  #listenAgain(escrow: KeptListener | undefined, settled: (error?: Error) => void): void {
    if (this.#path?.bound) {
      this.#path.again(escrow, settled)
      return
    }
    const target = this.#call?.target
    if (!this.#address || target?.kind !== 'tcp') {
      settled(new Error('it never listened'))
      return
    }
    let handle: RawListener
    try {
      handle = escrow?.handle ?? listenOnTcp(this.#address, target.ipv6Only, this.#call?.backlog)
    } catch (error) {
      settled(error as Error)
      return
    }
    this.#server.once('listening', () => {
      settled()
    })
    this.#nodeListen(handle, this.#call?.backlog)
  }

  #putOff(accept: () => number, accepted?: () => void): void {
    this.#accept = () => {
      const errno = accept()
      if (errno >= 0) accepted?.()
      else {
        const text = `cannot accept on a passed socket (errno ${String(errno)})`
        // In a turn of its own, so that only the application's listeners can catch the error.
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

  /**
   * Heeds the signal and the callback of a call that Node itself does not get (lib/net.js,
   * addServerAbortSignalOption).
   */
  #observe({ signal, callback }: ListenCall): void {
    if (callback) this.#server.once('listening', callback)
    if (!signal) return
    const close = (): void => void this.#server.close()
    if (signal.aborted) {
      process.nextTick(close)
      return
    }
    signal.addEventListener('abort', close, { once: true })
    this.#server.once('close', () => {
      signal.removeEventListener('abort', close)
    })
  }
}
