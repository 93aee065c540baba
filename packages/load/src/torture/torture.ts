import { TortureConnection, type TortureCounts } from './torture-connection.js'

// Clients that torture a server: many random connections at once, and one report.

export interface TortureReport extends TortureCounts {
  /** Each failure with the recent history of its connection. */
  failures: string[]
}

export interface TortureOptions {
  port: number
  connections: number
  /** With the same seed every connection does the same again; only the timing differs. */
  seed: number
  /**
   * Allows the server to announce the end of a connection that the client would keep. Requests that were
   * pipelined meanwhile may then be lost. @default false
   */
  mayClose?: boolean
}

export interface Torture {
  start(): void
  snapshot(): TortureReport
  /** Lets every connection end in its own way; resolves when all have ended. */
  stop(): Promise<TortureReport>
}

/** Creates clients that do everything that HTTP/1.1 allows, at bad moments, and check every byte. */
export function createTorture({
  port,
  connections,
  seed,
  mayClose = false,
}: TortureOptions): Torture {
  const failures: string[] = []
  const counts: TortureCounts = {
    connections: 0,
    requests: 0,
    answered: 0,
    bytesSent: 0,
    migrated: 0,
    announced: 0,
    unreadAfterClose: 0,
    pipelined: 0,
    aborted: 0,
    halfClosed: 0,
    counted: 0,
  }
  let stopping = false
  const settings = { counts, mayClose, isStopping: () => stopping }
  let running: Promise<void>[] = []

  async function keepBusy(place: number): Promise<void> {
    for (let life = 0; !stopping; life++) {
      const name = `${place}.${life}`
      const mixed = seed ^ (place * 0x9e3779b1) ^ (life * 0x85ebca6b)
      const connection = new TortureConnection(name, mixed, settings)
      const failure = await connection.live(port)
      if (failure !== undefined) failures.push(failure)
    }
  }

  const snapshot = () => ({ ...counts, failures: [...failures] })

  return {
    start() {
      running = Array.from({ length: connections }, (_, index) => keepBusy(index + 1))
    },
    snapshot,
    async stop() {
      stopping = true
      await Promise.all(running)
      return snapshot()
    },
  }
}
