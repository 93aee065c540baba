import { Migration, type MovedConnection } from '../migration/migration.js'
import { type MovedUpgrade, UpgradeMigration } from '../migration/upgrade-migration.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'

/** Sends a connection with its handle, as {@link Channel.send} does. */
type Send = (message: MovedConnection | MovedUpgrade, handle: RawHandle) => Promise<void>

/** Moves open connections to one other generation, and knows which of them still wait for its answer. */
export class Moves {
  /** Moves HTTP/1 connections; `undefined` before `openMigration`. */
  migration: Migration | undefined
  /** Moves connections that have left HTTP; `undefined` before `openUpgrades`. */
  upgrades: UpgradeMigration | undefined
  readonly #system: System
  readonly #send: Send
  /** Ids of the connections that were sent and not answered yet. */
  readonly #sent = { connection: new Set<number>(), upgrade: new Set<number>() }

  constructor(system: System, send: Send) {
    this.#system = system
    this.#send = send
  }

  /** @param adopts addresses where the other generation adopts connections: `['127.0.0.1:3000']` */
  openMigration(adopts: readonly string[]): void {
    this.migration = new Migration(this.#system, adopts, (message, handle) => {
      this.#sent.connection.add(message.id)
      return this.#send(message, handle)
    })
  }

  openUpgrades(): void {
    this.upgrades = new UpgradeMigration((message, handle) => {
      this.#sent.upgrade.add(message.id)
      return this.#send(message, handle)
    })
  }

  answered(of: 'connection' | 'upgrade', id: number, isAdopted: boolean): void {
    this.#sent[of].delete(id)
    if (of === 'upgrade') this.upgrades?.answered(id, isAdopted)
    else this.migration?.[isAdopted ? 'adopted' : 'declined'](id)
  }

  /** Sends nothing more. The other generation still answers the connections on their way. */
  close(): void {
    this.migration?.close()
    this.upgrades?.close()
  }

  /** Takes back the connections that the other generation has not acknowledged. Call when it is gone. */
  abort(): void {
    this.migration?.abort()
    this.upgrades?.abort()
  }

  /**
   * Closes our copies of the connections on their way: no answer will come, but the successor may live, and
   * two processes that read one connection would mix responses. A connection that it adopted lives on there;
   * otherwise the client sees it closed, and does not wait.
   * See docs/decisions.md, "A generation outlives its supervisor"
   */
  lose(): void {
    this.close()
    for (const id of this.#sent.connection) this.migration?.adopted(id)
    for (const id of this.#sent.upgrade) this.upgrades?.answered(id, true)
  }
}
