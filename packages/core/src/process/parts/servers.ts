import type { Events } from '../../api/events.js'
import { type HookPhase, type HookSignal, runHooks } from '../../api/hooks.js'
import { defaultHammerTimeMs } from '../../api/options.js'
import type { ServerStatus } from '../../api/status.js'
import { AnswerCounter } from '../../connections/answer-counter.js'
import { countConnections } from '../../connections/count.js'
import type { Peers } from '../../handoff/peers.js'
import { formatAddress } from '../../listeners/address.js'
import type { Passable } from '../../listeners/passed-listener.js'
import type { UdpSocket } from '../../listeners/udp-socket.js'
import { isAbstract } from '../../listeners/unix-path.js'
import type { MovedConnection } from '../../migration/migration.js'
import type { MovedUpgrade } from '../../migration/upgrade-migration.js'
import type { RawHandle } from '../../node/internals/raw-handle.js'
import type { System } from '../../node/system.js'
import type { ManagedServer } from '../../server/managed-server.js'
import type { ProcessSettings } from './process-settings.js'

/** The servers of this process, each from its `listen` until it has terminated, and its UDP sockets. */
export class Servers extends Set<ManagedServer> {
  /** The UDP sockets that are passed on, each from its `bind` until it is closed. */
  readonly udpSockets = new Set<UdpSocket>()
  readonly #system: System
  readonly #settings: ProcessSettings
  readonly #events: Events

  constructor(system: System, settings: ProcessSettings, events: Events) {
    super()
    this.#system = system
    this.#settings = settings
    this.#events = events
  }

  find(isIt: (server: ManagedServer) => boolean): ManagedServer | undefined {
    return [...this].find(isIt)
  }

  /** Time limit of each application hook: the longest hammer time; a negative one counts as the default. */
  get boundMs(): number {
    const times = [...this].map((server) => server.hammerTimeMs)
    return Math.max(0, ...times.map((time) => (time < 0 ? defaultHammerTimeMs : time)))
  }

  /** The sockets that a successor gets. */
  get passable(): Passable[] {
    return [
      ...[...this].flatMap(({ listening }) => listening.passable ?? []),
      ...[...this.udpSockets].flatMap(({ passable }) => passable ?? []),
    ]
  }

  /** The paths of the Unix sockets that they listen on, but for abstract ones. */
  get socketPaths(): string[] {
    return this.passable.flatMap(({ bound }) =>
      'path' in bound && !isAbstract(bound.path) ? [bound.path] : [],
    )
  }

  /** The addresses where this process listens or has bound a UDP socket, or has claimed one. */
  get addresses(): string[] {
    return this.passable.map(({ bound }) => formatAddress(bound))
  }

  /** The addresses of the servers that take over open connections. */
  get adopting(): string[] {
    return [...this].flatMap(({ adopts, bound }) => (adopts && bound !== null ? [bound] : []))
  }

  /** Gives idle connections to other workers: `most` of them, or as many as there are. */
  give(peers: Peers, most: number): void {
    let left = most
    for (const server of this) {
      left -= server.give(peers.migration, left, (socket) => !peers.hasJustArrived(socket))
    }
  }

  /** Counts the answers of these servers from now on. */
  countAnswers(): AnswerCounter {
    return new AnswerCounter((server) => this.find((each) => each.server === server) !== undefined)
  }

  get status(): ServerStatus[] {
    return [...this].map(({ address, state, madeBy, connections }) => ({
      address,
      state,
      madeBy,
      ...countConnections(connections),
    }))
  }

  /** @param cut settles when nothing waits for the hooks any more */
  runHooks(phase: HookPhase, signal: HookSignal, cut?: Promise<unknown>): Promise<void> {
    return runHooks(
      [...this].map(({ hooks }) => hooks),
      phase,
      signal,
      { system: this.#system, logger: this.#settings.logger, boundMs: this.boundMs, cut },
    )
  }

  /** Takes over an open connection of the predecessor; returns whether a server has it now. */
  adopt(moved: MovedConnection | MovedUpgrade, handle: RawHandle): boolean {
    return moved.type === 'upgrade'
      ? this.#adoptUpgrade(moved, handle)
      : this.#adoptConnection(moved, handle)
  }

  #adoptConnection(
    { bound, isFresh, keepAliveTimeoutMs, requests = 0 }: MovedConnection,
    handle: RawHandle,
  ): boolean {
    const server = this.find(
      (each) => each.adopts && each.bound === bound && each.state !== 'terminate',
    )
    return server?.adopt(handle, { bound, isFresh, keepAliveTimeoutMs, requests }) ?? false
  }

  /** Passes a connection that has left HTTP to the application: only it knows what to do with it. */
  #adoptUpgrade({ bound, state, head }: MovedUpgrade, handle: RawHandle): boolean {
    if (!this.#events.has('adopt')) return false
    const managed = this.find((each) => each.bound === bound && each.state !== 'terminate')
    const socket = managed?.adoptUpgrade(handle, Buffer.from(head, 'base64'))
    if (!managed || !socket) return false
    const { server } = managed
    managed.listening.inContext(() => {
      this.#events.emit('adopt', { socket, state: JSON.parse(state) as unknown, server })
    })
    if (managed.isDraining) this.#events.emit('drain', { server, upgraded: [socket] })
    return true
  }
}
