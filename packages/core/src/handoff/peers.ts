import type net from 'node:net'
import { Migration, type MovedConnection } from '../migration/migration.js'
import { socketOf } from '../node/internals/connection-handle.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import { MoveRecord } from './move-record.js'
import type { ToSupervisor } from './protocol.js'

/** How long a connection that another worker gave stays at least: it must not go to and fro. */
const stayMs = 10_000

/** What {@link Peers} needs from this process. */
export interface PeersHost {
  readonly system: Pick<System, 'now' | 'setTimeout'>
  /** Whether a server of this process at this address gives and takes connections: `127.0.0.1:3000`. */
  adoptsAt(address: string): boolean
  /** Takes over an open connection; returns whether a server of this process has it. */
  adopt(moved: MovedConnection, handle: RawHandle): boolean
  send(message: ToSupervisor, handle?: RawHandle): Promise<void>
}

/**
 * The other workers of the service, to which this one gives open connections, and of which it gets some. Which of
 * them gets a connection is the supervisor's choice.
 */
export class Peers {
  /** Moves connections to them. */
  readonly migration: Migration
  readonly #host: PeersHost
  /** The supervisor counts these moves. */
  readonly #record = new MoveRecord(() => (this.#isLeaving ? 'scale' : 'balance'))
  #isLeaving = false
  readonly #arrivedMs = new WeakMap<net.Socket, number>()

  constructor(host: PeersHost) {
    this.#host = host
    const adopts = { has: (address: string) => host.adoptsAt(address) }
    this.migration = new Migration(host.system, adopts, (moved, handle) =>
      this.#record.follow(moved, host.send({ ...moved, type: 'given' }, handle)),
    )
  }

  /** Call when this process ends while the others go on: from now on its connections go for that reason. */
  leave(): void {
    this.#isLeaving = true
  }

  /** Closes our copies of the connections on their way, as {@link Migration.lose} does: the supervisor is gone. */
  lose(): void {
    this.#record.lose()
    this.migration.lose()
  }

  /** Whether a connection came from another worker only just now. */
  hasJustArrived(socket: net.Socket): boolean {
    const arrivedMs = this.#arrivedMs.get(socket)
    return arrivedMs !== undefined && this.#host.system.now() - arrivedMs < stayMs
  }

  /** Handles the answer to a connection that this process gave. */
  answered(id: number, isTaken: boolean): void {
    this.#record.answered('connection', id, isTaken)
    if (isTaken) this.migration.adopted(id)
    else this.migration.declined(id)
  }

  /** Takes a connection that another worker gives. */
  receive(moved: MovedConnection, handle: RawHandle | undefined): void {
    let isTaken = handle !== undefined
    try {
      if (handle) isTaken = this.#host.adopt(moved, handle)
    } finally {
      // Answer even if a 'connection' listener of the application threw: the connection is ours.
      if (handle && !isTaken) handle.close()
      const socket = handle && isTaken ? socketOf(handle) : undefined
      if (socket) this.#arrivedMs.set(socket, this.#host.system.now())
      // A supervisor that is gone passes no connection on.
      this.#host.send({ type: 'taken', id: moved.id, isTaken }).catch(() => undefined)
    }
  }
}
