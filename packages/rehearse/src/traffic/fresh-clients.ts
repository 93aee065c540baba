import { type Client, exchange, open } from './client.js'

const tickMs = 5
/** How many may be unanswered at a time, in seconds of their rate: beyond, a slow server would only grow a queue. */
const maxWaitingSeconds = 1

/** Opens new connections at a steady rate, each for one request, however long the earlier ones take. */
export class FreshClients {
  readonly #client: Client
  readonly #perSecond: number
  readonly #inFlight = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined

  constructor(client: Client, perSecond: number) {
    this.#client = client
    this.#perSecond = perSecond
  }

  start(): void {
    if (this.#perSecond === 0) return
    const { recorder } = this.#client
    const beganMs = recorder.nowMs
    let count = 0
    this.#timer = setInterval(() => {
      const due = Math.floor(((recorder.nowMs - beganMs) / 1_000) * this.#perSecond)
      for (; count < due; count++) {
        if (this.#inFlight.size < Math.max(1, this.#perSecond * maxWaitingSeconds)) this.#open()
        else recorder.skipped++
      }
    }, tickMs)
  }

  /** Resolves when the requests on their way have ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#inFlight)
  }

  #open(): void {
    const opened = open(this.#client, 'fresh')
    const sent = exchange(this.#client, opened, this.#client.plan.next())
      .then(() => opened.wire.close())
      .finally(() => this.#inFlight.delete(sent))
    this.#inFlight.add(sent)
  }
}
