import { subscribe, unsubscribe } from 'node:diagnostics_channel'

/** What servers have answered: `{ answers: 500, errors: 25 }`. Errors have a status from 500 on. */
export interface AnswerCount {
  readonly answers: number
  readonly errors: number
}

/** Where Node publishes each HTTP/1 response that has been sent, if anybody subscribes. */
const channel = 'http.server.response.finish'

/**
 * Counts the answers of HTTP/1 servers, from its creation until `end`. Only meanwhile an answer costs anything.
 * See docs/decisions.md, "Answers are counted only on probation"
 */
export class AnswerCounter {
  readonly #counts: (server: unknown) => boolean
  #answers = 0
  #errors = 0

  /** @param counts whether the answers of a server count */
  constructor(counts: (server: unknown) => boolean) {
    this.#counts = counts
    subscribe(channel, this.#add)
  }

  get count(): AnswerCount {
    return { answers: this.#answers, errors: this.#errors }
  }

  end(): void {
    unsubscribe(channel, this.#add)
  }

  readonly #add = (message: unknown): void => {
    const { response, server } = message as { response: { statusCode: number }; server: unknown }
    if (!this.#counts(server)) return
    this.#answers++
    if (response.statusCode >= 500) this.#errors++
  }
}
