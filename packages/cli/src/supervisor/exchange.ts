import type { MovedConnection, RawHandle } from '@endless/core/for-cli'
import type { Generation } from './generation.js'

/** A connection on its way from one worker to another. */
interface OnItsWay {
  from: Generation
  to: Generation
  /** Its number among those of the giver. */
  id: number
}

/** The way of open connections from one worker to another. */
export class Exchange {
  readonly #choose: (from: Generation) => Generation | undefined
  readonly #taken: (from: Generation) => void
  readonly #onItsWay = new Map<number, OnItsWay>()
  #lastId = 0

  /**
   * @param choose returns the generation that gets a connection of another one
   * @param taken called with the giver of each connection that another worker has taken
   */
  constructor(
    choose: (from: Generation) => Generation | undefined,
    taken: (from: Generation) => void,
  ) {
    this.#choose = choose
    this.#taken = taken
  }

  /** Passes a connection on to another worker, or tells its giver that nobody is there for it. */
  async give(
    from: Generation,
    { id, ...facts }: Omit<MovedConnection, 'type'>,
    handle: RawHandle | undefined,
  ): Promise<void> {
    const to = handle && this.#choose(from)
    let isPassed = false
    if (to) {
      const ours = ++this.#lastId
      this.#onItsWay.set(ours, { from, to, id })
      isPassed = await to.send({ ...facts, type: 'given', id: ours }, handle)
      if (!isPassed) this.#onItsWay.delete(ours)
    }
    handle?.close()
    if (!isPassed) void from.send({ type: 'taken', id, isTaken: false })
  }

  /** Tells a giver whether its connection was taken. */
  answer(by: Generation, ours: number, isTaken: boolean): void {
    const move = this.#onItsWay.get(ours)
    if (move?.to !== by) return
    this.#onItsWay.delete(ours)
    if (isTaken) this.#taken(move.from)
    void move.from.send({ type: 'taken', id: move.id, isTaken })
  }

  /** Gives back what was on its way to a generation that has ended. */
  ended(generation: Generation): void {
    for (const [ours, { from, to, id }] of this.#onItsWay) {
      if (from !== generation && to !== generation) continue
      this.#onItsWay.delete(ours)
      if (to === generation) void from.send({ type: 'taken', id, isTaken: false })
    }
  }
}
