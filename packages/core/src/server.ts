import dns from 'node:dns'
import { errorMonitor, type EventEmitter } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import tls from 'node:tls'
import { adoptConnection } from './connections/adopt.js'
import { adoptUpgrade } from './connections/adopt-upgrade.js'
import { Draining } from './connections/draining.js'
import { idleGraceMs } from './connections/idle-grace.js'
import type { ConnectionFacts, Migration } from './connections/migrate.js'
import { TicketKeys } from './connections/tickets.js'
import { applyLimits } from './connections/timeouts.js'
import { Connections } from './connections/tracking.js'
import { defaults } from './defaults.js'
import type { EndlessServer } from './endless-server.js'
import { EndlessError, messageOf } from './errors.js'
import type {
  BoundAddress,
  ListenerName,
  UnixAddress,
  PassedTicketKeys,
} from './handoff/protocol.js'
import type { Claimed } from './handoff/successor.js'
import { Hooks, type HookPhase, type HookSignal, type SignalHook } from './hooks.js'
import { listenOnPipe, rawListenerOf, type RawHandle, type RawListener } from './internals.js'
import { Life } from './life.js'
import type { State } from './lifecycle.js'
import { addressOf, askedText, formatAddress, type ListenTarget } from './listeners/address.js'
import { deferAccept } from './listeners/held.js'
import { parseListenCall, type ListenCall } from './listeners/listen-call.js'
import {
  applyRights,
  leadsTo,
  resolveSocketPath,
  type SocketRights,
} from './listeners/unix-path.js'
import { bindUnixSocket, keepOnClose, removeOnClose } from './listeners/unix-socket.js'
import type { Logger } from './logger.js'
import {
  defaultTicketRotationMs,
  type EndlessOptions,
  type ProcessOptions,
  type ServerOptions,
} from './options.js'
import type { ShutdownReport } from './reports.js'
import type { System } from './system.js'

/** What a server needs of the process that it is part of. */
export interface ServerHost {
  readonly system: System
  readonly logger: Logger
  /** Whether a claimed listener may accept now, or has to wait for `accept`. */
  readonly mayAccept: boolean
  /** What relative paths mean, by the name that the user knows. */
  readonly directory: string
  claim(target: ListenTarget): Claimed | undefined
  hasHeldPort(port: number): boolean
  listenBegun(server: ManagedServer): void
  /** It listens; `begun` settles when its `beforeBegin` has. */
  listening(server: ManagedServer): void
  begun(server: ManagedServer): void
  listenFailed(server: ManagedServer, error: unknown): void
  /** It stops listening, and nobody does in its place. */
  closing(server: ManagedServer): void
  /** It drains, and these have left HTTP; again for each that leaves it meanwhile. */
  draining(server: ManagedServer, upgraded: net.Socket[]): void
  hammered(server: ManagedServer, destroyed: number): void
  terminated(server: ManagedServer): void
}

/** Why a server drains. */
export interface Occasion {
  reason: 'handoff' | 'shutdown'
  /** The way to the successor, if it takes open connections. */
  migration?: Migration | undefined
  /** Asked for by Ctrl-C: somebody waits at a terminal. */
  isInteractive: boolean
}

/** An endless server, and what the process does with it. */
export class ManagedServer<S extends net.Server = net.Server> implements EndlessServer<S> {
  readonly server: S
  readonly listen: S['listen']
  readonly connections: Connections
  readonly hooks: Hooks
  readonly processOptions: ProcessOptions
  beforeBegin: (address: string) => void | Promise<void>
  readonly #host: ServerHost
  readonly #options: ServerOptions
  readonly #nodeListen: (...args: unknown[]) => unknown
  readonly #life = new Life()
  readonly #draining: Draining
  readonly #ticketKeys: TicketKeys | undefined
  readonly #siblings = new Set<ManagedServer>()
  #asked: string | undefined
  #call: ListenCall | undefined
  /** The path that it listens on, as the application wrote it. */
  #path: string | undefined
  #listener: RawListener | null = null
  #boundAddress: BoundAddress | undefined
  #onBegun: (() => void) | undefined
  #accept: (() => void) | undefined

  constructor(
    server: S,
    host: ServerHost,
    given: { server: ServerOptions; process: ProcessOptions },
  ) {
    const options = given.server
    this.server = server
    this.processOptions = given.process
    this.#host = host
    this.#options = options
    this.hooks = new Hooks(options.hooks)
    this.beforeBegin =
      options.beforeBegin ??
      ((address) => {
        host.logger.info(`serving ${address}`)
      })
    this.connections = new Connections(server)
    this.#draining = new Draining(server, this.connections, this.#life, host, {
      draining: (upgraded) => {
        host.draining(this, upgraded)
      },
      hammered: (destroyed) => {
        host.hammered(this, destroyed)
      },
    })
    if (server instanceof tls.Server) {
      const { ticketRotationMs = defaultTicketRotationMs } = options
      this.#ticketKeys = new TicketKeys(server, host.system, ticketRotationMs)
    }
    applyLimits(
      server as unknown as http.Server,
      {
        readTimeoutMs: options.readTimeoutMs ?? defaults.readTimeoutMs,
        writeTimeoutMs: options.writeTimeoutMs ?? defaults.writeTimeoutMs,
        maxHeaderBytes: options.maxHeaderBytes ?? defaults.maxHeaderBytes,
      } as ServerOptions,
      host.system,
    )
    this.#nodeListen = server.listen.bind(server) as (...args: unknown[]) => unknown
    this.listen = ((...args: unknown[]) => this.#listen(args)) as S['listen']
    ;(server as net.Server).listen = this.listen as net.Server['listen']
    const nodeClose = server.close.bind(server)
    ;(server as net.Server).close = (...args) => {
      this.#host.closing(this)
      return nodeClose(...args)
    }
    // In front of the application's: beforeBegin comes before anything that says "it listens".
    server.prependListener('listening', () => {
      this.#onListening()
    })
    server.on('close', () => {
      this.#onClose()
    })
  }

  get state(): State {
    return this.#life.state
  }

  get terminated(): Promise<ShutdownReport> {
    return this.#life.terminated
  }

  get address(): string | null {
    return rawListenerOf(this.server) ? (this.bound ?? addressOf(this.server)) : null
  }

  /** Options for a server that a framework makes beside this one; hooks run once for both. */
  get siblingOptions(): EndlessOptions {
    const { hooks: _, beforeBegin: __, ...options } = this.#options
    return { ...options, ...this.processOptions }
  }

  get hammerTimeMs(): number {
    return this.#options.hammerTimeMs ?? defaults.hammerTimeMs
  }

  /** What a successor is given: the socket with its name; `undefined` while it does not listen. */
  get passable():
    (ListenerName & { handle: RawListener; ticketKeys: PassedTicketKeys | undefined }) | undefined {
    const handle = rawListenerOf(this.server)
    const bound = this.#boundAddress
    if (!handle || !this.#asked || !bound) return undefined
    return { asked: this.#asked, bound, handle, ticketKeys: this.#ticketKeys?.passed }
  }

  get isDraining(): boolean {
    return this.#draining.isUnderWay
  }

  /** Where its predecessor and its successor know it by: kept while it drains. */
  get bound(): string | null {
    return this.#boundAddress ? formatAddress(this.#boundAddress) : null
  }

  /** Whether it takes over open connections of its predecessor. */
  get adopts(): boolean {
    return this.server instanceof http.Server && this.#options.migrateConnections !== false
  }

  /** Listens; settles when that has succeeded and `beforeBegin` has settled, rejects if not. */
  begin(target: net.ListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.#onBegun = () => {
        this.server.off('error', reject)
        resolve()
      }
      ;(this.listen as (target: net.ListenOptions) => unknown)(target)
    })
  }

  registerSignalHook(phase: HookPhase, signal: HookSignal, hook: SignalHook): this {
    this.hooks.add(phase, signal, hook)
    return this
  }

  async shutdown(): Promise<ShutdownReport> {
    this.drain({ reason: 'shutdown', isInteractive: false })
    await this.drained()
    return this.terminate()
  }

  /** Takes a server that a framework made beside this one: they end together. */
  addSibling(sibling: ManagedServer): void {
    this.#siblings.add(sibling)
    void sibling.terminated.then(() => this.#siblings.delete(sibling))
  }

  /** Accepts on a socket that was claimed before its time. */
  accept(): void {
    this.#accept?.()
    this.#accept = undefined
    if (this.state === 'init' && this.#life.isOpen) this.#life.serve()
  }

  /** Says that it shuts down while it still accepts, for load balancers to notice. */
  foretellShutdown(): void {
    this.#life.foretell()
  }

  /** Stops accepting at once; connections go on. */
  stopAccepting(reason: Occasion['reason']): void {
    this.#life.foretell()
    this.#accept = undefined
    if (reason === 'shutdown') this.#host.closing(this)
    else if (this.#listener) keepOnClose(this.#listener)
    this.#draining.stopAccepting(reason)
  }

  /** Begins to end its connections; its 'close' is held back until `terminate`. */
  drain(occasion: Occasion): void {
    if (this.isDraining || this.state === 'terminate') return
    const { reason, isInteractive, migration } = occasion
    const { bound } = this
    this.stopAccepting(reason)
    this.#draining.begin(this.hammerTimeMs, {
      idleGraceMs: idleGraceMs(this.server, {
        reason,
        isInteractive,
        givenMs: this.#options.idleGraceMs,
      }),
      wayOut:
        migration && this.adopts && bound !== null
          ? { migration, bound, mayMove: this.#mayMove }
          : undefined,
    })
    for (const sibling of this.#siblings) sibling.drain(occasion)
  }

  /** Settles when it has no connection left, and its siblings neither. */
  async drained(): Promise<void> {
    await Promise.all([...this.#siblings].map((sibling) => sibling.drained()))
    await this.#draining.drained()
  }

  /** Lets it close, once it has drained. */
  terminate(): Promise<ShutdownReport> {
    for (const sibling of this.#siblings) void sibling.terminate()
    this.#draining.letClose()
    return this.terminated
  }

  /**
   * Accepts again, in the middle of a drain, on the escrow of its socket, or on a new one: where the
   * successor did not listen, nobody does. Settles when it listens, or cannot.
   */
  takeBack(escrow: RawListener | undefined): Promise<void> {
    this.#draining.breakOff()
    this.#life.serve()
    return new Promise((resolve) => {
      // Not before: a server that has neither a socket nor a connection would close.
      const settle = (): void => {
        this.server.off('listening', settle)
        this.server.off('error', onError)
        this.#draining.letClose()
        resolve()
      }
      const onError = (error: Error): void => {
        this.#host.logger.error(`Cannot listen on ${this.bound ?? ''} again: ${error.message}`)
        settle()
      }
      this.server.once('listening', settle)
      this.server.once('error', onError)
      this.#listenAgain(escrow)
    })
  }

  #listenAgain(escrow: RawListener | undefined): void {
    const backlog = this.#call?.backlog
    const bound = this.#boundAddress ?? { address: '', port: 0 }
    if ('path' in bound) {
      if (!escrow) this.#bindPath(bound.path)
      else {
        removeOnClose({ handle: escrow, bound })
        this.#listenOn(escrow, backlog)
      }
    } else if (escrow) this.#nodeListen(escrow, backlog)
    else this.#nodeListen({ host: bound.address, port: bound.port, backlog })
  }

  /** Takes over an open connection of its predecessor. */
  adopt(handle: RawHandle, facts: ConnectionFacts): void {
    if (!this.#listener) return
    adoptConnection(this.server as unknown as http.Server, this.#listener, handle, facts)
  }

  /** Takes over a connection of its predecessor that has left HTTP; `undefined` if it cannot. */
  adoptUpgrade(handle: RawHandle, head: Buffer): net.Socket | undefined {
    if (!this.#listener || this.server instanceof tls.Server) return undefined
    const socket = adoptUpgrade(this.server, this.#listener, handle, head)
    if (socket) this.connections.addUpgraded(socket)
    return socket
  }

  /** Destroys what is left of the connections, if it drains. */
  strike(): void {
    this.#draining.strike()
  }

  /** Whether the application lets an open connection go to the successor. */
  readonly #mayMove = (socket: net.Socket): boolean => {
    const { migrateConnections = true } = this.#options
    return typeof migrateConnections === 'function'
      ? migrateConnections(socket)
      : migrateConnections
  }

  #listen(args: unknown[]): S {
    const call = parseListenCall(args)
    // What listens already, and what is no address at all, is Node's to refuse.
    if (rawListenerOf(this.server)) {
      this.#nodeListen(...args)
      return this.server
    }
    const given = call.target
    // Named pipes of Windows cannot be passed on, and sockets of cluster workers are the primary's.
    const isOurs = this.#host.system.platform !== 'win32' && !this.#host.system.isClusterWorker
    if (given.kind === 'path' && isOurs) {
      call.target = { kind: 'path', path: resolveSocketPath(given.path, this.#host.directory) }
    }
    this.#path = given.kind === 'path' && isOurs ? given.path : undefined
    const { target } = call
    if (target.kind === 'other' && typeof args[0] === 'object' && args[0] !== null) {
      const { handle, _handle } = args[0] as { handle?: unknown; _handle?: unknown }
      if (handle ?? _handle) {
        throw new EndlessError(
          'ERR_ENDLESS_UNSUPPORTED',
          'Cannot listen on a handle: a successor could not be asked for it. Use a TCP port.',
        )
      }
    }
    this.#asked = askedText(target)
    this.#call = call
    this.#boundAddress = undefined
    this.#life.reopen()
    this.#host.listenBegun(this)
    const onError = (error: unknown): void => {
      if (!this.#life.isOpen) this.#host.listenFailed(this, error)
    }
    // A listener to 'error' itself would keep a program alive that does not expect the error.
    const events: EventEmitter = this.server
    events.once(errorMonitor, onError)
    events.once('listening', () => events.off(errorMonitor, onError))
    try {
      this.#bind(call, args)
    } catch (error) {
      events.off(errorMonitor, onError)
      this.#host.listenFailed(this, error)
      throw error
    }
    return this.server
  }

  #bind(call: ListenCall, args: unknown[]): void {
    const { target } = call
    if (this.#claim(call)) return
    if (target.kind === 'path' && this.#path !== undefined) {
      this.#observe(call)
      this.#bindPath(target.path)
      if (call.signal?.aborted) this.server.close()
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

  /**
   * Has its path lead to it again, if somebody has removed that: most likely a successor that did so
   * before it listened, as one has to do without endless, and then failed.
   */
  mendPath(): void {
    const bound = this.#boundAddress
    const nameless = rawListenerOf(this.server)
    if (!nameless || !bound || !('path' in bound) || leadsTo(bound)) return
    const { logger } = this.#host
    logger.warn(`Somebody has removed ${bound.path}: binding it anew. It needs no removing.`)
    this.#bindPath(bound.path, (error) => {
      if (error) logger.error(`Cannot listen on ${formatAddress(bound)} again: ${error.message}`)
      else nameless.close()
    })
  }

  /** Listens on a path, at once or when it is known that nobody else does. */
  #bindPath(path: string, done = this.#emitError): void {
    const call = this.#call
    const isWanted = (): boolean => this.#call === call && this.state !== 'terminate'
    const { backlog, readableAll = false, writableAll = false } = call ?? {}
    const target = { path, rights: this.#rights, readableAll, writableAll, backlog, isWanted }
    bindUnixSocket(target, (result) => {
      if (result instanceof Error) {
        done(result)
      } else {
        this.#boundAddress = result.bound
        this.#listenOn(result.handle, backlog)
        done()
      }
    })
  }

  readonly #emitError = (error?: Error): void => {
    if (error) this.server.emit('error', error)
  }

  #listenOn(handle: RawListener, backlog: number | undefined): void {
    const bound = this.#boundAddress
    if (!bound || !('path' in bound)) this.#nodeListen(handle, backlog)
    else listenOnPipe(this.server, handle, this.#path ?? bound.path, backlog)
  }

  /** The path of its predecessor is its own from now on, for the rights and for the end. */
  #ownPath(bound: UnixAddress, handle: RawListener): void {
    if (bound.identity === '') return
    removeOnClose({ handle, bound })
    try {
      applyRights(bound.path, this.#rights)
    } catch (error) {
      this.#host.logger.warn(`Cannot set the rights of ${bound.path}: ${messageOf(error)}`)
    }
  }

  get #rights(): SocketRights {
    const { socketMode: mode, socketOwner: owner } = this.#options
    return { mode, owner }
  }

  #observe({ signal, callback }: ListenCall): void {
    signal?.addEventListener('abort', () => this.server.close(), { once: true })
    if (callback) this.server.once('listening', callback)
  }

  #claim(call: ListenCall): boolean {
    const claimed = this.#host.claim(call.target)
    if (!claimed) return false
    const { bound, handle, ticketKeys } = claimed
    if (ticketKeys) this.#ticketKeys?.take(ticketKeys)
    const accept = deferAccept(handle)
    this.#accept = () => {
      const errno = accept()
      if (errno < 0) {
        this.server.emit(
          'error',
          new Error(`cannot accept on a passed socket (errno ${String(errno)})`),
        )
      } else if ('path' in bound) this.#ownPath(bound, handle)
    }
    this.#observe(call)
    this.#boundAddress = bound
    this.#listenOn(handle, call.backlog)
    if (call.signal?.aborted) this.server.close()
    return true
  }

  #onListening(): void {
    this.#listener = rawListenerOf(this.server)
    if (this.#life.isOpen) return // taken back
    this.#life.open()
    this.#ticketKeys?.start()
    const bound = this.server.address()
    // Of a Unix socket the server knows less than what bound it.
    if (bound !== null && typeof bound === 'object') this.#boundAddress = bound
    if (this.#host.mayAccept) this.accept()
    // An address that no predecessor listened on accepts at once.
    else if (!this.#accept) this.#life.serve()
    this.#host.listening(this)
    void this.#begin()
  }

  async #begin(): Promise<void> {
    try {
      await this.beforeBegin(this.address ?? '')
    } catch (error) {
      this.#host.listenFailed(this, error)
      // As a listen that fails: an application that does not expect it dies, a successor is rolled back.
      this.server.emit('error', error)
      return
    }
    if (!this.#life.isOpen) return // closed meanwhile
    this.#host.begun(this)
    this.#onBegun?.()
  }

  #onClose(): void {
    this.#ticketKeys?.stop()
    this.#accept = undefined
    const siblings = [...this.#siblings].map((sibling) => sibling.terminated)
    this.#life.end(this.#draining.end(), siblings)
    this.#host.terminated(this)
  }
}
