/** The names of what must hold. */
export type Invariant =
  | 'settles'
  | 'exactly one serves'
  | 'its pid is in the file'
  | 'status tells it'
  | 'the next restart works'
  | 'what drains ends'
  | 'nothing is lost'
  | 'nothing dies by itself'
  | 'stop leaves nothing'

/** An invariant that did not hold. */
export class Violation extends Error {
  readonly invariant: Invariant

  constructor(invariant: Invariant, what: string) {
    super(`${invariant}: ${what}`)
    this.name = 'Violation'
    this.invariant = invariant
  }
}
