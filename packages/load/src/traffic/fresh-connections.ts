import type http from 'node:http'
import type { ConnectionCounts } from './connections.js'
import type { Recorder } from './recorder.js'
import type { Sender } from './sender.js'

const TICK_MS = 10

/** Opens new connections at a steady rate, each for one request. */
export class FreshConnections {
  readonly #sender: Sender
  readonly #counts: ConnectionCounts
  readonly #perSecond: number
  readonly #agent: http.Agent
  readonly #inFlight = new Set<Promise<unknown>>()
  #timer: NodeJS.Timeout | undefined

  constructor(sender: Sender, recorder: Recorder, perSecond: number) {
    this.#sender = sender
    this.#counts = recorder.connections.counts
    this.#perSecond = perSecond
    this.#agent = sender.createAgent({ keepAlive: false })
  }

  start(): void {
    if (this.#perSecond === 0) return
    const startedAt = performance.now()
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * this.#perSecond)
      while (this.#counts.fresh + this.#counts.freshSkipped < due) {
        if (this.#inFlight.size < this.#perSecond) this.#open()
        else this.#counts.freshSkipped++
      }
    }, TICK_MS)
  }

  /** Resolves when the requests in flight have ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#inFlight)
    this.#agent.destroy()
  }

  #open(): void {
    const name = `fresh ${++this.#counts.fresh}`
    const sent = this.#sender
      .send(this.#agent, name, { kept: false })
      .finally(() => this.#inFlight.delete(sent))
    this.#inFlight.add(sent)
  }
}
