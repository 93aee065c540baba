import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, exchange } from './client.js'
import type { KeptConnection } from './kept-connection.js'

/** After a failure: a server that is down refuses at once, and without a pause the client would spin. */
const afterFailureMs = 50
/** How far behind its schedule a client may fall before it leaves requests out. */
const maxBehindMs = 1_000

/**
 * Sends one request after the other on a kept connection, each when it is due. If the server takes longer than
 * until the next is due, the wait is part of the next one's latency: clients would have sent it.
 */
export class KeptClient {
  readonly #client: Client
  readonly #connection: KeptConnection
  readonly #everyMs: number
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()

  /** @param everyMs from one request to the next, on average; 0: without a pause */
  constructor(client: Client, connection: KeptConnection, everyMs: number) {
    this.#client = client
    this.#connection = connection
    this.#everyMs = everyMs
    connection.join()
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Resolves when the request on its way has ended, and the connection is left. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#connection.leave()
  }

  async #run(): Promise<void> {
    const { recorder, plan } = this.#client
    const { signal } = this.#stopping
    // Clients begin at different times.
    let dueMs = recorder.nowMs + Math.random() * this.#everyMs
    let isBehind = false
    let keptUntilMs = Infinity
    while (!signal.aborted) {
      const nowMs = recorder.nowMs
      if (nowMs >= keptUntilMs) {
        await this.#connection.renew()
        keptUntilMs = Infinity
      }
      if (dueMs > nowMs) {
        isBehind = false
        await pause(Math.min(dueMs, keptUntilMs) - nowMs, signal)
        continue
      }
      const sentMs = isBehind && this.#everyMs > 0 ? dueMs : nowMs
      const { outcome, keepAliveMs } = await exchange(
        this.#client,
        this.#connection.get(),
        plan.next(),
        sentMs,
      )
      keptUntilMs = recorder.nowMs + usableMs(keepAliveMs ?? Infinity)
      // Evenly between half and one and a half: clients do not march in step.
      dueMs = Math.max(dueMs, sentMs) + this.#everyMs * (0.5 + Math.random())
      isBehind = outcome === 'answered'
      while (this.#everyMs > 0 && dueMs < recorder.nowMs - maxBehindMs) {
        dueMs += this.#everyMs
        recorder.skipped++
      }
      if (outcome !== 'answered') await pause(afterFailureMs, signal)
    }
  }
}

/** How long a connection is used that the server keeps for so long: a request must not meet its end. */
export function usableMs(keepAliveMs: number): number {
  return Math.max(keepAliveMs - 1_000, keepAliveMs / 2)
}

/** Resolves after the time, or when the signal comes. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(durationMs, undefined, { signal })
  } catch {
    // AbortError: the client stops, which its loop checks next.
  }
}
