import { createLoad, type Load } from '../traffic/load.js'
import type { History } from './history.js'
import type { Loss } from './ledger.js'

/** How long a request may take while processes are stopped for up to 6 s, and boots hang. */
const requestTimeoutMs = 30_000

/** Clients that retry nothing: most of them at the first port. */
export class Clients {
  readonly #history: History
  readonly #loads: readonly { load: Load; serverPort: number }[]
  #beganMs = 0

  constructor(ports: readonly number[], history: History) {
    this.#history = history
    this.#loads = ports.map((serverPort, index) => ({
      serverPort,
      load: createLoad({
        port: serverPort,
        keepAliveConnections: index === 0 ? 8 : 2,
        freshPerSecond: index === 0 ? 40 : 20,
        thinkMs: [0, 60],
        requestTimeoutMs,
      }),
    }))
  }

  /** What they have lost so far. */
  get losses(): Loss[] {
    return this.#loads.flatMap(({ load, serverPort }) =>
      load.snapshot().failures.map(({ atMs, code, localPort: clientPort, ...failure }) => {
        const { kind, call, connection: client, reusedSocket, afterMs } = failure
        const which = `${reusedSocket ? 'the old' : 'a new'} connection of ${client}`
        const what = `${kind} of ${call} on ${which}, ${Math.round(afterMs)} ms after it was sent,`
        const connection = clientPort === undefined ? undefined : { clientPort, serverPort }
        return { atMs: this.#beganMs + atMs, what, code, connection }
      }),
    )
  }

  get answered(): number {
    return this.#loads.reduce((sum, { load }) => sum + load.snapshot().answered, 0)
  }

  /** How long the slowest answer took. */
  get slowestMs(): number {
    return Math.max(...this.#loads.map(({ load }) => load.snapshot().latency.calm.maxMs))
  }

  start(): void {
    this.#beganMs = this.#history.nowMs
    for (const { load } of this.#loads) load.start()
  }

  /** Resolves when the requests under way have ended. */
  async stop(): Promise<void> {
    await Promise.all(this.#loads.map(({ load }) => load.stop()))
  }
}
