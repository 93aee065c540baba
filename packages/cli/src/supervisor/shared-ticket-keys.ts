import type { PassedTicketKeys, ToSupervisor } from '@endless/core/for-cli'
import type { Generation } from './generation.js'

/**
 * The TLS ticket keys that the workers share, so that a client can resume its session at any of them. The workers
 * renew them at the same time: the first one makes the new keys, and all others get these.
 * See docs/decisions.md, "The supervisor keeps the TLS ticket keys"
 */
export class SharedTicketKeys {
  readonly #workers: () => readonly Generation[]

  /** @param workers returns the generations that serve */
  constructor(workers: () => readonly Generation[]) {
    this.#workers = workers
  }

  /** Gives the keys of one worker to all, unless there are newer ones than those that they replace. */
  renew(
    from: Generation,
    { bound, ticketKeys, sinceMs }: Extract<ToSupervisor, { type: 'renew-ticket-keys' }>,
  ): void {
    const workers = this.#workers()
    const served = workers.filter((each) => each.escrow.ticketKeysAt(bound))
    // One that does not serve yet may already see that its keys are over.
    if (workers.includes(from) && !served.includes(from)) return
    const newest = served
      .flatMap((each) => each.escrow.ticketKeysAt(bound) ?? [])
      .sort((one, other) => other.sinceMs - one.sinceMs)[0]
    if (newest && newest.sinceMs > sinceMs) {
      give(from, bound, newest)
      return
    }
    // A time in the future would make these the newest for ever.
    const renewed = { ...ticketKeys, sinceMs: Date.now() }
    for (const each of new Set([from, ...served])) give(each, bound, renewed)
  }
}

function give(to: Generation, bound: string, ticketKeys: PassedTicketKeys): void {
  to.escrow.renewTicketKeys(bound, ticketKeys)
  void to.send({ type: 'ticket-keys', bound, ticketKeys })
}
