import { errorMonitor, type EventEmitter } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import tls from 'node:tls'
import { EndlessError } from '../api/endless-error.js'
import type { EndlessServer } from '../api/endless-server.js'
import { type HookPhase, Hooks, type HookSignal, type SignalHook } from '../api/hooks.js'
import type { EndlessOptions, ProcessOptions, ServerOptions } from '../api/options.js'
import type { ShutdownReport } from '../api/reports.js'
import type { State } from '../api/status.js'
import { idleGraceMs } from '../connections/drain-options.js'
import { Draining } from '../connections/draining.js'
import { applyLimits } from '../connections/limits.js'
import { OpenConnections } from '../connections/open-connections.js'
import { addressOf } from '../listeners/address.js'
import { readListenCall } from '../listeners/listen-call.js'
import { Listening, type ListeningHost } from '../listeners/listening.js'
import { TicketKeys } from '../listeners/ticket-keys.js'
import { adoptUpgrade } from '../migration/adopt-upgrade.js'
import { adoptConnection } from '../migration/adopt.js'
import type { ConnectionFacts, Migration } from '../migration/migration.js'
import { type RawHandle, type RawListener, rawListenerOf } from '../node/internals.js'
import type { System } from '../node/system.js'
import { Life } from './life.js'
import { ServerSettings } from './server-settings.js'

/** What a server needs of the process that it is part of. */
export interface ServerHost extends ListeningHost {
  readonly system: System
  /** Whether a claimed listener may accept now, or has to wait for `accept`. */
  readonly mayAccept: boolean
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
  readonly connections: OpenConnections
  /** Where it listens; its successor is given the socket. */
  readonly listening: Listening
  readonly hooks: Hooks
  readonly processOptions: ProcessOptions
  beforeBegin: (address: string) => void | Promise<void>
  readonly #host: ServerHost
  readonly #settings: ServerSettings
  readonly #life = new Life()
  readonly #draining: Draining
  readonly #siblings = new Set<ManagedServer>()
  /** Somebody has closed it, or shut it down by itself, and nobody has had it listen since. */
  #isClosed = false
  /** How often it has begun to listen at the application's word: what belongs to an earlier time is void. */
  #beginnings = 0
  #endListenCall: () => void = () => undefined
  #settleBegin: ((error?: Error) => void) | undefined

  constructor(
    server: S,
    host: ServerHost,
    given: { server: ServerOptions; process: ProcessOptions },
  ) {
    const options = given.server
    this.server = server
    this.processOptions = given.process
    this.#host = host
    this.#settings = new ServerSettings(options, host)
    this.hooks = new Hooks(options.hooks)
    this.beforeBegin =
      options.beforeBegin ??
      ((address) => {
        host.logger.info(
          this.state === 'running' ? `serving ${address}` : `bound ${address}, waits to take over`,
        )
      })
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
        ? new TicketKeys(server, host.system, ticketRotationMs)
        : undefined
    this.listening = new Listening(server, host, { life: this.#life, rights, ticketKeys })
    applyLimits(server as unknown as http.Server, limits, host.system)
    this.listen = ((...args: unknown[]) => this.#listen(args)) as S['listen']
    ;(server as net.Server).listen = this.listen as net.Server['listen']
    const nodeClose = server.close.bind(server)
    ;(server as net.Server).close = (...args) => {
      this.#isClosed = true
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
    return { ...this.#settings.ofSiblings, ...this.processOptions }
  }

  get hammerTimeMs(): number {
    return this.#settings.hammerTimeMs
  }

  get isDraining(): boolean {
    return this.#draining.isUnderWay
  }

  /** Where its predecessor and its successor know it by: kept while it drains. */
  get bound(): string | null {
    return this.listening.bound
  }

  /** Whether it takes over open connections of its predecessor. */
  get adopts(): boolean {
    return this.server instanceof http.Server && this.#settings.migrates
  }

  /**
   * Listens; settles when that has succeeded and `beforeBegin` has settled, rejects if not, and with
   * `ERR_ENDLESS_SERVER_CLOSED` if somebody closes it before. In a shutdown of the process it stays
   * pending: a rejection that nobody expects would end that early.
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

  /** Takes a server that a framework made beside this one: they end together. */
  addSibling(sibling: ManagedServer): void {
    this.#siblings.add(sibling)
    void sibling.terminated.then(() => this.#siblings.delete(sibling))
  }

  /** Accepts on a socket that was claimed before its time. */
  accept(): void {
    this.listening.accept()
    if (this.state === 'init' && this.#life.isOpen) this.#life.serve()
  }

  /** Says that it shuts down while it still accepts, for load balancers to notice. */
  foretellShutdown(): void {
    this.#life.foretell()
  }

  /** Stops accepting at once; connections go on. */
  stopAccepting(reason: Occasion['reason']): void {
    this.#life.foretell()
    this.listening.renounce()
    if (reason === 'shutdown') this.#host.closing(this)
    else this.listening.leavePath()
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
        givenMs: this.#settings.idleGraceMs,
      }),
      wayOut:
        migration && this.adopts && bound !== null
          ? { migration, bound, mayMove: this.#settings.mayMove }
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
   * successor did not listen, nobody does. One that was closed meanwhile goes on to its end. Settles
   * when it listens, or will not.
   */
  takeBack(escrow: RawListener | undefined): Promise<void> {
    if (this.#isClosed) {
      this.listening.giveUp(escrow)
      this.#draining.letClose()
      // It was kept until now, as any that ends in a shutdown of the process.
      if (this.state === 'terminate') this.#host.terminated(this)
      return Promise.resolve()
    }
    this.#draining.breakOff()
    this.#life.serve()
    return new Promise((resolve) => {
      this.listening.again(escrow, () => {
        // Not before: a server that has neither a socket nor a connection would close.
        this.#draining.letClose()
        resolve()
      })
    })
  }

  /** Takes over an open connection of its predecessor. */
  adopt(handle: RawHandle, facts: ConnectionFacts): void {
    const listener = this.listening.handle
    if (!listener) return
    adoptConnection(this.server as unknown as http.Server, listener, handle, facts)
  }

  /** Takes over a connection of its predecessor that has left HTTP; `undefined` if it cannot. */
  adoptUpgrade(handle: RawHandle, head: Buffer): net.Socket | undefined {
    const listener = this.listening.handle
    if (!listener || this.server instanceof tls.Server) return undefined
    const socket = adoptUpgrade(this.server, listener, handle, head)
    if (socket) this.connections.addUpgraded(socket)
    return socket
  }

  /** Destroys what is left of the connections, if it drains. */
  strike(): void {
    this.#draining.strike()
  }

  #listen(args: unknown[]): S {
    // What listens already is Node's to refuse.
    if (rawListenerOf(this.server)) {
      this.listening.refuse(args)
      return this.server
    }
    const call = readListenCall(args, this.#host)
    this.#life.reopen()
    this.#host.listenBegun(this)
    const onError = (error: unknown): void => {
      this.#host.listenFailed(this, error)
    }
    // A listener to 'error' itself would keep a program alive that does not expect the error.
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
    return this.server
  }

  #onListening(): void {
    this.#endListenCall()
    if (this.listening.opened() === 'again') return
    this.#isClosed = false
    this.#life.open()
    this.listening.begun()
    if (this.#host.mayAccept) this.accept()
    // An address that no predecessor listened on accepts at once.
    else if (!this.listening.isPutOff) this.#life.serve()
    this.#host.listening(this)
    void this.#begin(++this.#beginnings)
  }

  async #begin(beginning: number): Promise<void> {
    const isVoid = (): boolean =>
      this.#isClosed || !this.#life.isOpen || beginning !== this.#beginnings
    try {
      await this.beforeBegin(this.address ?? '')
    } catch (error) {
      if (!isVoid()) this.#host.listenFailed(this, error)
      // As a listen that fails: an application that does not expect it dies, a successor is rolled back.
      this.server.emit('error', error)
      return
    }
    if (isVoid()) return
    this.#host.begun(this)
    this.#settleBegin?.()
  }

  /** From now on it ends, whoever else would have it go on. */
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
