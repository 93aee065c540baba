import { deferred } from '@endless/core/for-cli'

/** How the probation of a generation ended; `unguarded` if its predecessor ended first. */
export type ProbationEnd = 'proven' | 'rolled-back' | 'died' | 'unguarded'

/** The probation of a generation, as far as its supervisor sees it: the predecessor decides. */
export class Probation {
  readonly #over = deferred<ProbationEnd>()
  #isUnderWay = true

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** Settles when the probation is over. */
  get over(): Promise<ProbationEnd> {
    return this.#over.promise
  }

  end(how: ProbationEnd): void {
    this.#isUnderWay = false
    this.#over.resolve(how)
  }
}
