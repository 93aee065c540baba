import type { System } from '../node/system.js'
import { deferred, type Deferred, late, within } from '../node/waits.js'
import type { AskMetrics, MetricsAnswer } from './protocol.js'

/** How long the other process may take. It asks others itself, and waits a second for each. */
const answerMs = 2_500

/** Questions to another process for the metrics of the service, until they are answered. */
export class MetricsQuestions {
  readonly #system: Pick<System, 'setTimeout'>
  readonly #send: (message: AskMetrics) => Promise<void>
  readonly #open = new Map<number, Deferred<string | undefined>>()
  #lastId = 0

  constructor(system: Pick<System, 'setTimeout'>, send: (message: AskMetrics) => Promise<void>) {
    this.#system = system
    this.#send = send
  }

  /** Resolves with the metrics; `undefined` if the other process does not answer in time, or is gone. */
  async ask(): Promise<string | undefined> {
    const id = ++this.#lastId
    const answer = deferred<string | undefined>()
    this.#open.set(id, answer)
    this.#send({ type: 'ask-metrics', id }).catch(() => answer.resolve(undefined))
    const told = await within(answer.promise, answerMs, this.#system)
    this.#open.delete(id)
    return told === late ? undefined : told
  }

  answered({ id, text }: MetricsAnswer): void {
    this.#open.get(id)?.resolve(text)
  }

  /** Ends all waits: the other process is gone. */
  lose(): void {
    for (const answer of this.#open.values()) answer.resolve(undefined)
  }
}
