import { Migration, type MovedConnection } from '../migration/migration.js'
import { type MovedUpgrade, UpgradeMigration } from '../migration/upgrade-migration.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import type { MoveRecord } from './move-record.js'

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
  readonly #record: MoveRecord
  /** Ids of the connections that have left HTTP, were sent, and are not answered yet. */
  readonly #sent = new Set<number>()

  constructor(system: System, record: MoveRecord, send: Send) {
    this.#system = system
    this.#record = record
    this.#send = (message, handle) => record.follow(message, send(message, handle))
  }

  /** @param adopts addresses where the other generation adopts connections: `['127.0.0.1:3000']` */
  openMigration(adopts: readonly string[]): void {
    this.migration = new Migration(this.#system, new Set(adopts), (message, handle) =>
      this.#send(message, handle),
    )
  }

  openUpgrades(): void {
    this.upgrades = new UpgradeMigration((message, handle) => {
      this.#sent.add(message.id)
      return this.#send(message, handle)
    })
  }

  answered(of: 'connection' | 'upgrade', id: number, isAdopted: boolean): void {
    this.#record.answered(of, id, isAdopted)
    if (of === 'connection') {
      this.migration?.[isAdopted ? 'adopted' : 'declined'](id)
    } else {
      this.#sent.delete(id)
      this.upgrades?.answered(id, isAdopted)
    }
  }

  /** Sends nothing more. The other generation still answers the connections on their way. */
  close(): void {
    this.migration?.close()
    this.upgrades?.close()
  }

  /** Takes back the connections that the other generation has not acknowledged. Call when it is gone. */
  abort(): void {
    this.#record.lose()
    this.migration?.abort()
    this.upgrades?.abort()
  }

  /**
   * Closes our copies of the connections on their way, as {@link Migration.lose} does.
   * See docs/decisions.md, "A generation outlives its supervisor"
   */
  lose(): void {
    this.#record.lose()
    this.migration?.lose()
    this.upgrades?.close()
    for (const id of this.#sent) this.upgrades?.answered(id, true)
  }
}
