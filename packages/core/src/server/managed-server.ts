import { errorMonitor, type EventEmitter } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import tls from 'node:tls'
import { EndlessError, messageOf } from '../api/endless-error.js'
import type { EndlessServer } from '../api/endless-server.js'
import { type HookPhase, Hooks, type HookSignal, type SignalHook } from '../api/hooks.js'
import type { ProcessOptions, ServerOptions } from '../api/options.js'
import type { ShutdownReport } from '../api/reports.js'
import type { State } from '../api/status.js'
import { giveIdle } from '../connections/give-idle.js'
import { idleGraceMs } from '../connections/drain-options.js'
import { Draining } from '../connections/draining.js'
import { isHttp1 } from '../connections/kind.js'
import { applyLimits } from '../connections/limits.js'
import { OpenConnections } from '../connections/open-connections.js'
import { addressOf } from '../listeners/address.js'
import type { KeptListener } from '../listeners/kept-listener.js'
import { type ListenCall, readListenCall } from '../listeners/listen-call.js'
import { Listening, type ListeningHost } from '../listeners/listening.js'
import { type ShareTicketKeys, TicketKeys } from '../listeners/ticket-keys.js'
import { adoptUpgrade } from '../migration/adopt-upgrade.js'
import { adoptConnection } from '../migration/adopt.js'
import type { ConnectionFacts, Migration } from '../migration/migration.js'
import { countRequests } from '../migration/request-count.js'
import { givesToHttp } from '../node/internals/http1-connection.js'
import { rawListenerOf } from '../node/internals/listening-handle.js'
import { ownWhatDrainsReplace } from '../node/internals/server.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import { Life } from './life.js'
import { listensAlready } from './misuse.js'
import { untilAnswering } from './ready-probe.js'
import { ServerSettings } from './server-settings.js'
import { warmUpServer } from './warm-up.js'

// A server that goes on across restarts, from its `listen` to its end.

/** What {@link ManagedServer} needs from the process. */
export interface ServerHost extends ListeningHost {
  readonly system: System
  /** Settles when a `listen` knows what is inherited; `undefined` if it does already. */
  readonly arriving: Promise<void> | undefined
  /** How long the process may take until it is ready, in ms. */
  readonly readyTimeoutMs: number
  /** Whether a claimed listener may accept now, or must wait for `accept`. */
  readonly mayAccept: boolean
  /** Offers new ticket keys to all workers; see {@link ShareTicketKeys}. */
  shareTicketKeys(bound: string, ...offer: Parameters<ShareTicketKeys>): boolean
  listenBegun(server: ManagedServer): void
  /** The server listens; `begun` follows when its `beforeBegin` has succeeded. */
  listening(server: ManagedServer): void
  begun(server: ManagedServer): void
  listenFailed(server: ManagedServer, error: unknown): void
  /** The server stops listening, and no successor listens in its place. */
  closing(server: ManagedServer): void
  /** The server drains; reports connections that have left HTTP, and later each that leaves meanwhile. */
  draining(server: ManagedServer, upgraded: net.Socket[]): void
  hammered(server: ManagedServer, destroyed: number): void
  terminated(server: ManagedServer): void
}

/** Why and how a server drains. */
export interface Occasion {
  reason: 'handoff' | 'shutdown'
  /** Moves connections to the successor, if the successor adopts any. */
  migration?: Migration | undefined
  /** Whether Ctrl-C asked for the drain: a user waits at a terminal. */
  isInteractive: boolean
}

/** The options of a server, and where they come from. */
export interface ManagedOptions {
  /** Those in effect. */
  server: ServerOptions
  /** Those that the program's code gives. */
  code: ServerOptions
  process: ProcessOptions
  madeBy: 'code' | 'register'
}

/** An endless server: what the application sees of it, and what the process does with it. */
export class ManagedServer<S extends net.Server = net.Server> implements EndlessServer<S> {
  readonly server: S
  readonly listen: S['listen']
  readonly connections: OpenConnections
  /** The listening socket, which the successor receives. */
  readonly listening: Listening
  readonly hooks: Hooks
  readonly processOptions: ProcessOptions
  /** What the program's code says of it. */
  readonly codeOptions: ServerOptions
  readonly madeBy: 'code' | 'register'
  beforeBegin: (address: string) => void | Promise<void>
  readonly #host: ServerHost
  readonly #settings: ServerSettings
  readonly #life = new Life()
  readonly #draining: Draining
  readonly #siblings = new Set<ManagedServer>()
  /** Whether it was closed or shut down on its own, not with the process, and has not listened since. */
  #isClosed = false
  /** Counts the application's successful `listen` calls; results of an earlier one are ignored. */
  #beginnings = 0
  #endListenCall: () => void = () => undefined
  #awaits = ''
  #settleBegin: ((error?: Error) => void) | undefined

  constructor(server: S, host: ServerHost, given: ManagedOptions) {
    const options = given.server
    this.server = server
    this.processOptions = given.process
    this.codeOptions = given.code
    this.madeBy = given.madeBy
    this.#host = host
    this.#settings = new ServerSettings(options, host)
    this.hooks = new Hooks(options.hooks)
    this.beforeBegin = options.beforeBegin ?? (() => undefined)
    this.connections = new OpenConnections(server)
    this.#draining = new Draining(server, this.connections, this.#life, {
      system: host.system,
      get logger() {
        return host.logger
      },
      draining: (upgraded) => {
        host.draining(this, upgraded)
      },
      hammered: (destroyed) => {
        host.hammered(this, destroyed)
      },
    })
    const { limits, rights, ticketRotationMs } = this.#settings
    const ticketKeys =
      server instanceof tls.Server
        ? new TicketKeys(
            server,
            host.system,
            ticketRotationMs,
            (keys, sinceMs) =>
              this.bound !== null && host.shareTicketKeys(this.bound, keys, sinceMs),
          )
        : undefined
    this.listening = new Listening(server, host, { life: this.#life, rights, ticketKeys })
    if (server instanceof http.Server) countRequests(server)
    ownWhatDrainsReplace(server)
    applyLimits(server as unknown as http.Server, limits, host.system)
    this.listen = ((...args: unknown[]) => this.#listen(args)) as S['listen']
    ;(server as net.Server).listen = this.listen as net.Server['listen']
    const nodeClose = server.close.bind(server)
    ;(server as net.Server).close = (...args) => {
      if (this.state === 'terminate' && !this.#isClosed && !rawListenerOf(server)) {
        // Drained with the process: what the application wants to do once is done, and is no error.
        this.#isClosed = true
        const [callback] = args
        if (typeof callback === 'function') this.#host.system.setTimeout(callback, 0)
        return server
      }
      this.#isClosed = true
      this.#host.closing(this)
      this.listening.renounce()
      return nodeClose(...args)
    }
    // Before the application's listeners: `beforeBegin` precedes anything that reports "it listens".
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

  /** The options of a server that a framework creates beside this one; hooks run once for both. */
  get siblingOptions(): ManagedOptions {
    const { codeOptions: code, processOptions, madeBy } = this
    return { server: this.#settings.ofSiblings, code, process: processOptions, madeBy }
  }

  /** What it waits for until it has begun: `beforeBegin of [::]:3000`. */
  get awaits(): string {
    return this.#awaits
  }

  get hammerTimeMs(): number {
    return this.#settings.hammerTimeMs
  }

  get isDraining(): boolean {
    return this.#draining.isUnderWay
  }

  /** The address by which predecessor and successor know the server; kept while it drains. */
  get bound(): string | null {
    return this.listening.bound
  }

  /** Whether it gives connections to its successor, and adopts those of its predecessor. */
  get adopts(): boolean {
    const server: net.Server = this.server
    return server instanceof http.Server && this.#settings.migrates && givesToHttp(server)
  }

  /**
   * Listens. Resolves when the server listens and `beforeBegin` has succeeded. Rejects if either fails,
   * and with `ERR_ENDLESS_SERVER_CLOSED` if the server is closed before. In a shutdown of the process
   * the promise stays pending: an unhandled rejection would end the shutdown early.
   */
  begin(target: net.ListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.#settleBegin = (error) => {
        this.#settleBegin = undefined
        this.server.off('error', reject)
        if (error) reject(error)
        else resolve()
      }
      ;(this.listen as (target: net.ListenOptions) => unknown)(target)
    })
  }

  registerSignalHook(phase: HookPhase, signal: HookSignal, hook: SignalHook): this {
    this.hooks.add(phase, signal, hook)
    return this
  }

  async shutdown(): Promise<ShutdownReport> {
    this.#giveUp()
    this.drain({ reason: 'shutdown', isInteractive: false })
    await this.drained()
    return this.terminate()
  }

  /** Adds a server that a framework created beside this one: they end together. */
  addSibling(sibling: ManagedServer): void {
    this.#siblings.add(sibling)
    void sibling.terminated.then(() => this.#siblings.delete(sibling))
  }

  /** Begins to accept on a claimed socket. */
  accept(): void {
    this.listening.accept()
    if (this.state === 'init' && this.#life.isOpen) this.#life.serve()
  }

  /** Announces the shutdown while the server still accepts, so that load balancers notice. */
  foretellShutdown(): void {
    this.#life.foretell()
  }

  /**
   * Stops accepting; connections go on. What waits in the queue of the socket is the successor's; in a
   * shutdown it is still accepted.
   */
  stopAccepting(reason: Occasion['reason']): void {
    this.#life.foretell()
    const { queueLength } = this.listening
    this.listening.renounce()
    if (reason === 'shutdown') {
      this.#host.closing(this)
      this.listening.removePath()
    } else {
      this.listening.leavePath()
    }
    this.#draining.stopAccepting(reason, reason === 'shutdown' ? queueLength : 0)
  }

  /** Begins to end the connections; 'close' is held back until `terminate`. */
  drain(occasion: Occasion): void {
    if (this.isDraining || this.state === 'terminate') return
    const { reason, isInteractive, migration } = occasion
    const { bound } = this
    this.stopAccepting(reason)
    const options = {
      idleGraceMs: (server: net.Server) =>
        idleGraceMs(server, { reason, isInteractive, givenMs: this.#settings.idleGraceMs }),
      wayOut:
        migration && this.adopts && bound !== null
          ? { migration, bound, mayMove: this.#settings.mayMove }
          : undefined,
    }
    this.#draining.begin(this.hammerTimeMs, options, bound)
    for (const sibling of this.#siblings) sibling.drain(occasion)
  }

  /**
   * Settles when neither the server nor its siblings have a connection left.
   *
   * @param signal ends the wait, which then never settles
   */
  async drained(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#siblings].map((sibling) => sibling.drained(signal)))
    await this.#draining.drained(signal)
  }

  /** Lets the server close once it has drained; resolves when it has closed. */
  terminate(): Promise<ShutdownReport> {
    for (const sibling of this.#siblings) void sibling.terminate()
    this.#draining.letClose()
    return this.terminated
  }

  /**
   * Accepts again in the middle of a drain, on the escrow of its socket. Without one, the successor did
   * not listen at this address, so the server binds it anew. A server that was closed meanwhile still
   * ends. Settles when the server listens, or will not.
   *
   * @param takeEscrow returns the escrow once it is here; called again as long as the server does not listen
   */
  takeBack(takeEscrow: () => KeptListener | undefined): Promise<void> {
    if (this.#isClosed) {
      this.listening.giveUp(takeEscrow())
      this.#draining.letClose()
      // Reports the end again: the process drops no server while it shuts down.
      if (this.state === 'terminate') this.#host.terminated(this)
      return Promise.resolve()
    }
    this.#draining.breakOff()
    return new Promise((resolve) => {
      this.listening.again(takeEscrow, (isListening) => {
        if (isListening) this.#life.serve()
        // Not before: a server with neither a socket nor a connection would close. A new drain holds it.
        if (isListening || this.#isClosed) this.#draining.letClose()
        resolve()
      })
    })
  }

  /**
   * Gives idle connections to other workers while it goes on accepting; returns how many.
   *
   * @param isDue whether a connection may go
   */
  give(migration: Migration, most: number, isDue: (socket: net.Socket) => boolean): number {
    const { server, bound } = this
    if (!this.adopts || bound === null || !isHttp1(server)) return 0
    const { mayMove } = this.#settings
    return giveIdle(
      server,
      this.connections,
      { migration, bound, mayMove: (socket) => isDue(socket) && (mayMove?.(socket) ?? true) },
      most,
    )
  }

  /** Adopts an open connection of the predecessor; returns whether it is here now. */
  adopt(handle: RawHandle, facts: ConnectionFacts): boolean {
    const listener = this.listening.handle
    if (!listener) return false
    return this.listening.inContext(() =>
      adoptConnection(this.server as unknown as http.Server, listener, handle, facts),
    )
  }

  /** Adopts a connection of the predecessor that has left HTTP; returns `undefined` if it cannot. */
  adoptUpgrade(handle: RawHandle, head: Buffer): net.Socket | undefined {
    const listener = this.listening.handle
    if (!listener || this.server instanceof tls.Server) return undefined
    const socket = this.listening.inContext(() => adoptUpgrade(this.server, listener, handle, head))
    if (socket) this.connections.addUpgraded(socket)
    return socket
  }

  /** Destroys the remaining connections, if the server drains. */
  strike(): void {
    this.#draining.strike()
  }

  #listen(args: unknown[]): S {
    // Node itself refuses a server that listens already.
    if (rawListenerOf(this.server)) {
      this.listening.refuse(args)
      return this.server
    }
    const call = readListenCall(args, this.#host)
    const { arriving } = this.#host
    if (arriving) void arriving.then(() => this.#listenLate(args))
    else this.#open(call, args)
    return this.server
  }

  /** Listens as a call has asked before what is inherited was here; nobody catches what it throws now. */
  #listenLate(args: unknown[]): void {
    try {
      this.#listen(args)
    } catch (error) {
      // In a turn of its own: what a listener throws is no rejection.
      process.nextTick(() => this.server.emit('error', error))
    }
  }

  #open(call: ListenCall, args: unknown[]): void {
    // Its address may be the same.
    this.#draining.closeQueue()
    this.#life.reopen()
    this.#awaits = 'listen to succeed'
    this.#host.listenBegun(this)
    const onError = (error: unknown): void => {
      this.#host.listenFailed(this, error)
    }
    // Not 'error': with a listener there, a program would survive an error that it does not expect.
    const events: EventEmitter = this.server
    this.#endListenCall()
    this.#endListenCall = () => events.off(errorMonitor, onError)
    events.once(errorMonitor, onError)
    try {
      this.listening.begin(call, args)
    } catch (error) {
      this.#endListenCall()
      this.#host.listenFailed(this, error)
      throw error
    }
  }

  #onListening(): void {
    if (!this.listening.isAskedFor) {
      // The call was on its way, as for the lookup of a name, when the server was made endless.
      this.server.emit('error', listensAlready())
      return
    }
    this.#endListenCall()
    const handle = rawListenerOf(this.server)
    if (handle) this.connections.acceptOn(handle)
    if (this.listening.opened() === 'again') return
    this.#isClosed = false
    this.#life.open()
    this.listening.begun()
    if (this.#host.mayAccept) this.accept()
    // At an address without a held socket, the server accepts at once.
    else if (!this.listening.isPutOff) this.#life.serve()
    this.#host.listening(this)
    void this.#begin(++this.#beginnings)
  }

  async #begin(beginning: number): Promise<void> {
    const isVoid = (): boolean =>
      this.#isClosed || !this.#life.isOpen || beginning !== this.#beginnings
    const address = this.address ?? ''
    this.#awaits = `beforeBegin of ${address}`
    try {
      await this.beforeBegin(address)
      await this.#untilWarm(address, isVoid)
    } catch (error) {
      if (!isVoid()) this.#host.listenFailed(this, error)
      // As when `listen` fails: an application without a handler exits, and a successor is rolled back.
      this.server.emit('error', error)
      return
    }
    if (isVoid()) return
    this.#host.begun(this)
    this.#settleBegin?.()
  }

  /** Waits until an HTTP/1 server can answer, and a successor has asked it for what is slow at first. */
  async #untilWarm(address: string, isVoid: () => boolean): Promise<void> {
    const { server } = this
    if (!isHttp1(server)) return
    const { readyProbe, warmUp, requiresWarmUp } = this.#settings
    const { system, readyTimeoutMs: timeoutMs, logger, mayAccept } = this.#host
    if (readyProbe !== undefined) {
      this.#awaits = `${address} to answer GET ${readyProbe} below 500`
      await untilAnswering(server, readyProbe, this.#host, isVoid)
    }
    // One that accepts already has clients that warm it up.
    if (warmUp === undefined || mayAccept || isVoid()) return
    this.#awaits = `the warm-up of ${address}`
    try {
      await warmUpServer(server, warmUp, { system, timeoutMs })
    } catch (error) {
      const reason = `The warm-up of ${address} failed: ${messageOf(error)}`
      if (requiresWarmUp) throw new Error(reason, { cause: error })
      logger.warn(`${reason}; going on.`)
    }
  }

  /** Makes the end final, also for the siblings: `takeBack` will not accept again. */
  #giveUp(): void {
    this.#isClosed = true
    for (const sibling of this.#siblings) sibling.#giveUp()
  }

  #onClose(): void {
    this.listening.closed()
    const siblings = [...this.#siblings].map((sibling) => sibling.terminated)
    this.#life.end(this.#draining.end(), siblings)
    this.#host.terminated(this)
    if (this.#isClosed) this.#settleBegin?.(serverClosed())
  }
}

function serverClosed(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SERVER_CLOSED',
    'Cannot serve: the server was closed before its beforeBegin had settled.',
  )
}
