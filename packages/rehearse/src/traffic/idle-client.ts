import { type Client, exchange } from './client.js'
import { pause } from './kept-client.js'
import { KeptConnection } from './kept-connection.js'

/** How long a connection rests if the server does not say how long it keeps one: Node keeps it for 5 s. */
const unsaidRestMs = 4_000
/** How long before the end of the time that the server named the connection is used again. */
const marginMs = 1_000
const leastRestMs = 500
const maxRestMs = 30_000

/**
 * Keeps a connection that is idle for as long as the server allows (`Keep-Alive: timeout=5`), and sends a request
 * shortly before: a client that does nothing wrong, and whose connection nobody may close.
 */
export class IdleClient {
  readonly #client: Client
  readonly #connection: KeptConnection
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(client: Client) {
    this.#client = client
    this.#connection = new KeptConnection(client, 'idle')
    this.#connection.join()
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#connection.leave()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const call = this.#client.plan.next()
      const { keepAliveMs } = await exchange(this.#client, this.#connection.get(), call)
      const restMs = keepAliveMs === undefined ? unsaidRestMs : keepAliveMs - marginMs
      await pause(Math.min(maxRestMs, Math.max(leastRestMs, restMs)), signal)
    }
  }
}
