/**
 * What changes the workers of a service, one at a time and in the order in which it was asked for: a roll, another
 * number of workers, the restart of one of them. See docs/decisions.md, "Changes of the workers take turns"
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Makes a change when all that were asked for before have ended; settles as it does. */
  take<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change)
    // A change that fails is its caller's; the next one follows all the same.
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
