// Who held a connection, who was killed, and so which losses are nobody's fault but the killer's.

/** A request or a connection that a client lost. */
export interface Loss {
  atMs: number
  what: string
  code?: string | undefined
  /** `undefined` if it was never connected. */
  connection?: Connection | undefined
}

/** A connection by its two ports: a client uses a port for several servers at once. */
export interface Connection {
  clientPort: number
  serverPort: number
}

interface Holder {
  pid: number
  atMs: number
}

/**
 * How far the times of a death and of its losses may differ: one of them is read from a pipe, and the end of
 * a connection waits for the event loop of the client.
 */
const togetherMs = 1_000

/** Compares losses with deaths: what a dead process held is lost with it, and nothing else may be. */
export class Ledger {
  readonly #holders = new Map<string, Holder[]>()
  readonly #deaths = new Map<number, number>()
  /** Those that have had a successor, to which their connections move. */
  readonly #givers = new Set<number>()

  /** Notes that a process has accepted or adopted a connection. */
  holds(pid: number, connection: Connection, atMs: number): void {
    const key = keyOf(connection)
    const holders = this.#holders.get(key)
    if (holders) holders.push({ pid, atMs })
    else this.#holders.set(key, [{ pid, atMs }])
  }

  /** Notes that a process was killed, or died as it had been told. */
  died(pid: number, atMs: number): void {
    if (!this.#deaths.has(pid)) this.#deaths.set(pid, atMs)
  }

  /** Notes that a process moves its connections to its successor from now on. */
  gaveWay(pid: number): void {
    this.#givers.add(pid)
  }

  isVictim(pid: number): boolean {
    return this.#deaths.has(pid)
  }

  /** Returns the process whose death explains a loss; `undefined` if none does. */
  explain(loss: Loss): number | undefined {
    const { atMs, code } = loss
    // Someone has the listening socket as long as the service lives, so a refusal has no excuse.
    if (code === 'ECONNREFUSED') return undefined
    const holders = this.holdersOf(loss)
    const before = holders.filter((each) => each.atMs <= atMs).at(-1)
    // Told late; or the ports belong to a later connection meanwhile, and the loss was of the one before.
    const after = holders.filter((each) => each.atMs > atMs && each.atMs <= atMs + togetherMs)
    for (const { pid } of [...(before ? [before] : []), ...after]) {
      const diedMs = this.#deaths.get(pid)
      if (diedMs !== undefined && diedMs <= atMs + togetherMs) return pid
    }
    const holder = after.at(-1) ?? before
    // A process has accepted or adopted it, and died before it could say so.
    if (holder && !this.#givers.has(holder.pid)) return undefined
    for (const [pid, diedMs] of this.#deaths) {
      const isTogether = Math.abs(diedMs - atMs) <= togetherMs
      if (isTogether && (!holder || holder.atMs < diedMs)) return pid
    }
    return undefined
  }

  /** Returns all that have told that they had the connection, with the times. */
  holdersOf({ connection }: Loss): readonly Holder[] {
    return (connection && this.#holders.get(keyOf(connection))) ?? []
  }
}

function keyOf({ clientPort, serverPort }: Connection): string {
  return `${clientPort} ${serverPort}`
}
