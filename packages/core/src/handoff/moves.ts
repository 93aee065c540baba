import type { Channel } from '../line/channel.js'
import { Migration } from '../migration/migration.js'
import { UpgradeMigration } from '../migration/upgrade-migration.js'
import type { System } from '../node/system.js'
import type { ToPredecessor, ToSuccessor } from './protocol.js'

/** What a successor answers to a connection that was sent to it. */
type MoveAnswer = Extract<
  ToPredecessor,
  { type: 'adopted' | 'declined' | 'upgrade-adopted' | 'upgrade-declined' }
>

/** The ways of open connections to one successor, and what is on them. */
export class Moves {
  /** `undefined` before it is open. */
  migration: Migration | undefined
  /** The same for what has left HTTP. */
  upgrades: UpgradeMigration | undefined
  readonly #system: System
  readonly #channel: Channel<ToSuccessor, ToPredecessor>
  /** The ids of what was sent and has not been answered. */
  readonly #sent = { connection: new Set<number>(), upgrade: new Set<number>() }

  constructor(system: System, channel: Channel<ToSuccessor, ToPredecessor>) {
    this.#system = system
    this.#channel = channel
  }

  /** @param adopts where the successor adopts connections, by address */
  openMigration(adopts: readonly string[]): void {
    this.migration = new Migration(this.#system, adopts, (message, handle) => {
      this.#sent.connection.add(message.id)
      return this.#channel.send(message, handle)
    })
  }

  openUpgrades(): void {
    this.upgrades = new UpgradeMigration((message, handle) => {
      this.#sent.upgrade.add(message.id)
      return this.#channel.send(message, handle)
    })
  }

  answered({ type, id }: MoveAnswer): void {
    if (type === 'adopted' || type === 'declined') {
      this.#sent.connection.delete(id)
      this.migration?.[type](id)
    } else {
      this.#sent.upgrade.delete(id)
      this.upgrades?.answered(id, type === 'upgrade-adopted')
    }
  }

  /** Sends nothing more; what is on its way is still answered. */
  close(): void {
    this.migration?.close()
    this.upgrades?.close()
  }

  /** The successor is gone: what it has not acknowledged stays here. */
  abort(): void {
    this.migration?.abort()
    this.upgrades?.abort()
  }

  /**
   * No answer comes any more, and the successor may live: what is on its way ends here at once. If it was adopted it
   * lives on there, and else its client sees it closed instead of waiting; two processes that read it would mix answers.
   */
  lose(): void {
    this.close()
    for (const id of this.#sent.connection) this.migration?.adopted(id)
    for (const id of this.#sent.upgrade) this.upgrades?.answered(id, true)
  }
}
