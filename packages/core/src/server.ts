import dns from 'node:dns'
import { errorMonitor, type EventEmitter } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import tls from 'node:tls'
import { adoptConnection } from './connections/adopt.js'
import { adoptUpgrade } from './connections/adopt-upgrade.js'
import { endConnections } from './connections/ending.js'
import { watchUpgrades } from './connections/late-upgrades.js'
import { holdClose, isDrained } from './connections/held-close.js'
import type { ConnectionFacts, Migration } from './connections/migrate.js'
import { TicketKeys } from './connections/tickets.js'
import { applyLimits } from './connections/timeouts.js'
import { Connections } from './connections/tracking.js'
import { defaults } from './defaults.js'
import type { EndlessServer } from './endless-server.js'
import { EndlessError, messageOf } from './errors.js'
import { Hammer } from './hammer.js'
import type {
  BoundAddress,
  ListenerName,
  UnixAddress,
  PassedTicketKeys,
} from './handoff/protocol.js'
import type { Claimed } from './handoff/successor.js'
import { Hooks, type HookPhase, type HookSignal, type SignalHook } from './hooks.js'
import { listenOnPipe, rawListenerOf, type RawHandle, type RawListener } from './internals.js'
import type { State } from './lifecycle.js'
import {
  addressOf,
  askedText,
  formatAddress,
  parseListenCall,
  type ListenCall,
  type ListenTarget,
} from './listeners/address.js'
import { deferAccept } from './listeners/held.js'
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

const minRestartGraceMs = 5_000
const maxShutdownGraceMs = 5_000

/** An endless server, and what the process does with it. */
export class ManagedServer<S extends net.Server = net.Server> implements EndlessServer<S> {
  readonly server: S
  readonly listen: S['listen']
  readonly connections: Connections
  readonly hooks: Hooks
  readonly processOptions: ProcessOptions
  beforeBegin: (address: string) => void | Promise<void>
  terminated: Promise<ShutdownReport>
  readonly #host: ServerHost
  readonly #options: ServerOptions
  readonly #nodeListen: (...args: unknown[]) => unknown
  readonly #hammer: Hammer
  readonly #ticketKeys: TicketKeys | undefined
  readonly #siblings = new Set<ManagedServer>()
  #state: State = 'init'
  #asked: string | undefined
  #call: ListenCall | undefined
  /** The path that it listens on, as the application wrote it. */
  #path: string | undefined
  #listener: RawListener | null = null
  #boundAddress: BoundAddress | undefined
  #isListening = false
  #onBegun: (() => void) | undefined
  #accept: (() => void) | undefined
  #endDrain: (() => void) | undefined
  #letClose: (() => void) | undefined
  readonly #drainWaiters = new Set<() => void>()
  #drainBeganMs = 0
  #reason: ShutdownReport['reason'] = 'closed'
  #hammered = 0
  #settleTerminated!: (report: ShutdownReport) => void

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
    this.#hammer = new Hammer(() => {
      this.#destroyConnections()
    })
    if (server instanceof tls.Server) {
      const { ticketRotationMs = defaultTicketRotationMs } = options
      this.#ticketKeys = new TicketKeys(server, host.system, ticketRotationMs)
    }
    this.terminated = this.#expectTermination()
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
    return this.#state
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
    return this.#endDrain !== undefined
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
    if (this.#state === 'init' && this.#isListening) this.#state = 'running'
  }

  /** Says that it shuts down while it still accepts, for load balancers to notice. */
  foretellShutdown(): void {
    if (this.#state === 'init' || this.#state === 'running') this.#state = 'shutting-down'
  }

  /** Stops accepting at once; connections go on. */
  stopAccepting(reason: Occasion['reason']): void {
    // It terminates by that alone where it has no connection.
    this.#reason = reason
    this.foretellShutdown()
    this.#accept = undefined
    if (reason === 'shutdown') this.#host.closing(this)
    else if (this.#listener) keepOnClose(this.#listener)
    this.#letClose ??= holdClose(this.server, () => {
      for (const resolve of this.#drainWaiters) resolve()
    })
    // Not http.Server#close, which closes idle connections at once (Node 19 and later).
    net.Server.prototype.close.call(this.server)
  }

  /** Begins to end its connections; its 'close' is held back until `terminate`. */
  drain({ reason, isInteractive, migration }: Occasion): void {
    if (this.#endDrain || this.#state === 'terminate') return
    const { system } = this.#host
    this.#drainBeganMs = system.now()
    this.stopAccepting(reason)
    const { bound } = this
    const undoEnding = endConnections(this.server, this.connections, {
      system,
      idleGraceMs: this.#idleGraceMs(reason, isInteractive),
      wayOut:
        migration && this.adopts && bound !== null
          ? { migration, bound, mayMove: this.#mayMove }
          : undefined,
    })
    const endUpgrades = watchUpgrades(this.server, (socket) => {
      this.#host.draining(this, [socket])
    })
    this.#endDrain = () => {
      endUpgrades()
      undoEnding()
    }
    this.#hammer.arm(system, this.hammerTimeMs)
    this.#host.draining(this, this.connections.upgraded)
    for (const sibling of this.#siblings) sibling.drain({ reason, isInteractive, migration })
  }

  /** Settles when it has no connection left, and its siblings neither. */
  async drained(): Promise<void> {
    await Promise.all([...this.#siblings].map((sibling) => sibling.drained()))
    while (this.#state !== 'terminate' && !isDrained(this.server)) {
      await new Promise<void>((resolve) => this.#drainWaiters.add(resolve))
      this.#drainWaiters.clear()
    }
  }

  /** Lets it close, once it has drained. */
  terminate(): Promise<ShutdownReport> {
    for (const sibling of this.#siblings) void sibling.terminate()
    this.#letClose?.()
    this.#letClose = undefined
    return this.terminated
  }

  /**
   * Accepts again, in the middle of a drain, on the escrow of its socket, or on a new one: where the
   * successor did not listen, nobody does. Settles when it listens, or cannot.
   */
  takeBack(escrow: RawListener | undefined): Promise<void> {
    this.#hammer.disarm()
    this.#endDrain?.()
    this.#endDrain = undefined
    this.#reason = 'closed'
    this.#drainBeganMs = 0
    this.#state = 'running'
    return new Promise((resolve) => {
      // Not before: a server that has neither a socket nor a connection would close.
      const settle = (): void => {
        this.server.off('listening', settle)
        this.server.off('error', onError)
        this.#letClose?.()
        this.#letClose = undefined
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
    if (this.#endDrain) this.#hammer.strike()
  }

  /** Whether the application lets an open connection go to the successor. */
  readonly #mayMove = (socket: net.Socket): boolean => {
    const { migrateConnections = true } = this.#options
    return typeof migrateConnections === 'function'
      ? migrateConnections(socket)
      : migrateConnections
  }

  #idleGraceMs(reason: Occasion['reason'], isInteractive: boolean): number {
    if (isInteractive) return 0
    const { idleGraceMs } = this.#options
    // A raw server has none, nor has one of HTTP/2 before Node 24.
    const { keepAliveTimeout = 0 } = this.server as unknown as Partial<http.Server>
    if (reason === 'handoff') {
      // `Keep-Alive: timeout=N` was a promise to the client that a restart is no reason to break.
      return Math.max(keepAliveTimeout, idleGraceMs ?? minRestartGraceMs)
    }
    return idleGraceMs ?? Math.min(keepAliveTimeout || maxShutdownGraceMs, maxShutdownGraceMs)
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
    this.#reopen()
    this.#host.listenBegun(this)
    const onError = (error: unknown): void => {
      if (!this.#isListening) this.#host.listenFailed(this, error)
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
    const isWanted = (): boolean => this.#call === call && this.#state !== 'terminate'
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
    if (this.#isListening) return // taken back
    this.#isListening = true
    this.#ticketKeys?.start()
    const bound = this.server.address()
    // Of a Unix socket the server knows less than what bound it.
    if (bound !== null && typeof bound === 'object') this.#boundAddress = bound
    if (this.#host.mayAccept) this.accept()
    // An address that no predecessor listened on accepts at once.
    else if (!this.#accept) this.#state = 'running'
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
    if (!this.#isListening) return // closed meanwhile
    this.#host.begun(this)
    this.#onBegun?.()
  }

  #onClose(): void {
    this.#hammer.disarm()
    this.#ticketKeys?.stop()
    this.#endDrain?.()
    this.#endDrain = undefined
    this.#accept = undefined
    this.#isListening = false
    const beganMs = this.#drainBeganMs || this.#host.system.now()
    this.#state = 'terminate'
    const siblings = [...this.#siblings].map((sibling) => sibling.terminated)
    const settle = this.#settleTerminated
    const report: ShutdownReport = {
      reason: this.#reason,
      durationMs: Math.round(this.#host.system.now() - beganMs),
      hammered: this.#hammered,
    }
    if (siblings.length === 0) settle(report)
    else void Promise.all(siblings).then(() => settle(report))
    this.#host.terminated(this)
  }

  /** A server that was closed may listen again, as with Node alone. */
  #reopen(): void {
    if (this.#state !== 'terminate') return
    this.#state = 'init'
    this.#reason = 'closed'
    this.#hammered = 0
    this.#drainBeganMs = 0
    this.terminated = this.#expectTermination()
  }

  #expectTermination(): Promise<ShutdownReport> {
    return new Promise((resolve) => (this.#settleTerminated = resolve))
  }

  #destroyConnections(): void {
    const { logger } = this.#host
    logger.warn('[STOP - Hammer Time] Forcefully shutting down parent')
    const left = [...this.connections.accepted].filter((socket) => !socket.destroyed)
    for (const session of this.connections.sessions.keys()) session.destroy()
    for (const socket of left) socket.destroy()
    this.#hammered += left.length
    this.#host.hammered(this, left.length)
  }
}
