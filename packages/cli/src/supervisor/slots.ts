import { formatAddress } from '@endless/core/for-cli'
import type { KeptSocket } from './escrow.js'
import type { Generation } from './generation.js'
import type { Slot } from './slot.js'
import type { DyingAlike } from './slot-host.js'
import type { LastDeath } from './succession.js'

/** The slots of a service, in the order of their places. */
export class Slots {
  readonly #all = new Set<Slot>()

  /** All of them, with those that are being given up. */
  get every(): readonly Slot[] {
    return [...this.#all]
  }

  /** All but those that are being given up. */
  get staying(): Slot[] {
    return [...this.#all].filter(({ isLeaving }) => !isLeaving)
  }

  get first(): Slot | undefined {
    return this.staying[0]
  }

  /** The generation that serves in each of them. */
  get serving(): Generation[] {
    return this.staying.flatMap(({ current }) => current ?? [])
  }

  /** Generations that are alive: slot by slot, from the oldest to the newest. */
  get generations(): Generation[] {
    return this.every.flatMap((slot) => slot.generations)
  }

  /** Latest death of a generation that served, or was started to replace a dead one. */
  get death(): LastDeath | undefined {
    const deaths = this.every.flatMap(({ death }) => death ?? [])
    return deaths.sort((one, other) => other.endedMs - one.endedMs)[0]
  }

  /** Time until the next start of a generation in place of a dead one; `null` if none is due. */
  get startingInMs(): number | null {
    const due = this.every.flatMap(({ replacement }) => replacement.startingInMs ?? [])
    return due.length === 0 ? null : Math.min(...due)
  }

  /** Whether the last slot has ended. */
  get areGone(): boolean {
    return this.#all.size === 0
  }

  add(slot: Slot): void {
    this.#all.add(slot)
  }

  delete(slot: Slot): void {
    this.#all.delete(slot)
  }

  /** Returns the slot of a generation, while that lives. */
  of(generation: Generation): Slot | undefined {
    return this.every.find(({ generations }) => generations.includes(generation))
  }

  /**
   * Returns how many slots die again and again of what this one dies of, and whether this one is the first: a release
   * whose workers all crash is told once, and not by each of them.
   */
  dyingLike(slot: Slot): DyingAlike {
    const cause = slot.diesOf
    if (cause === undefined) return { count: 1, tells: true }
    const alike = this.every.filter(({ diesOf }) => diesOf === cause)
    return { count: alike.length, tells: alike[0] === slot }
  }

  /** Returns the sockets of the others than this one, each address once: that of the first slot which has it. */
  sharedWith(slot: Slot): KeptSocket[] {
    const shared = new Map<string, KeptSocket>()
    for (const other of this.#all) {
      if (other === slot) continue
      for (const socket of other.sockets) {
        const address = formatAddress(socket.bound)
        if (!shared.has(address)) shared.set(address, socket)
      }
    }
    return [...shared.values()]
  }
}
