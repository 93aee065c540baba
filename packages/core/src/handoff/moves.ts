import type { Channel } from '../line/channel.js'
import { Migration } from '../migration/migration.js'
import { UpgradeMigration } from '../migration/upgrade-migration.js'
import type { System } from '../node/system.js'
import type { ToPredecessor, ToSuccessor } from './protocol.js'

/** A successor's answer to a connection that was sent to it. */
type MoveAnswer = Extract<
  ToPredecessor,
  { type: 'adopted' | 'declined' | 'upgrade-adopted' | 'upgrade-declined' }
>

/** Moves open connections to one successor, and knows which of them still wait for its answer. */
export class Moves {
  /** Moves HTTP/1 connections; `undefined` before `openMigration`. */
  migration: Migration | undefined
  /** Moves connections that have left HTTP; `undefined` before `openUpgrades`. */
  upgrades: UpgradeMigration | undefined
  readonly #system: System
  readonly #channel: Channel<ToSuccessor, ToPredecessor>
  /** Ids of the connections that have left HTTP, were sent, and are not answered yet. */
  readonly #sent = new Set<number>()

  constructor(system: System, channel: Channel<ToSuccessor, ToPredecessor>) {
    this.#system = system
    this.#channel = channel
  }

  /** @param adopts addresses where the successor adopts connections: `['127.0.0.1:3000']` */
  openMigration(adopts: readonly string[]): void {
    this.migration = new Migration(this.#system, new Set(adopts), (message, handle) =>
      this.#channel.send(message, handle),
    )
  }

  openUpgrades(): void {
    this.upgrades = new UpgradeMigration((message, handle) => {
      this.#sent.add(message.id)
      return this.#channel.send(message, handle)
    })
  }

  answered({ type, id }: MoveAnswer): void {
    if (type === 'adopted' || type === 'declined') {
      this.migration?.[type](id)
    } else {
      this.#sent.delete(id)
      this.upgrades?.answered(id, type === 'upgrade-adopted')
    }
  }

  /** Sends nothing more. The successor still answers the connections on their way. */
  close(): void {
    this.migration?.close()
    this.upgrades?.close()
  }

  /** Takes back the connections that the successor has not acknowledged. Call when it is gone. */
  abort(): void {
    this.migration?.abort()
    this.upgrades?.abort()
  }

  /**
   * Closes our copies of the connections on their way, as {@link Migration.lose} does.
   * See docs/decisions.md, "A generation outlives its supervisor"
   */
  lose(): void {
    this.migration?.lose()
    this.upgrades?.close()
    for (const id of this.#sent) this.upgrades?.answered(id, true)
  }
}
