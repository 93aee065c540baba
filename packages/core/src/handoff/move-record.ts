import { moveChannel, type MoveReason, traced } from '../api/diagnostics.js'
import { deferred, type Deferred } from '../node/waits.js'

/** A connection that moves, as it is sent. */
interface Sent {
  type: 'connection' | 'upgrade'
  id: number
  bound: string
}

/** Notes the connections that this process gives to another one: counts them, and tells who subscribes. */
export class MoveRecord {
  readonly #why: () => MoveReason
  readonly #count: (why: MoveReason) => void
  /** Moves under way that a subscriber follows. */
  readonly #followed = new Map<string, Deferred<boolean>>()

  /** @param count called for each connection that the other process has taken */
  constructor(why: () => MoveReason, count: (why: MoveReason) => void = () => undefined) {
    this.#why = why
    this.#count = count
  }

  /** Follows a connection that is being sent, if somebody subscribes; returns `sent` as it is. */
  follow({ type, id, bound }: Sent, sent: Promise<void>): Promise<void> {
    if (!moveChannel.hasSubscribers) return sent
    const answer = deferred<boolean>()
    this.#followed.set(`${type} ${String(id)}`, answer)
    sent.catch(() => {
      this.answered(type, id, false)
    })
    void traced(moveChannel, { why: this.#why(), kind: type, address: bound }, () => answer.promise)
    return sent
  }

  answered(type: Sent['type'], id: number, isTaken: boolean): void {
    if (isTaken) this.#count(this.#why())
    const key = `${type} ${String(id)}`
    this.#followed.get(key)?.resolve(isTaken)
    this.#followed.delete(key)
  }

  /** Ends what is under way: no answer comes any more. */
  lose(): void {
    for (const answer of this.#followed.values()) answer.resolve(false)
    this.#followed.clear()
  }
}
