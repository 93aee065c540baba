// Who held a connection, who was killed, and so which losses are nobody's fault but the killer's.

/** A request or a connection that a client lost. */
export interface Loss {
  atMs: number
  what: string
  code?: string | undefined
  localPort?: number | undefined
}

interface Holder {
  pid: number
  atMs: number
}

/**
 * How far the times of a death and of its losses may differ: one of them is read from a pipe, and the end of a
 * connection waits for the event loop of the client.
 */
const togetherMs = 1_000

/** Compares losses with deaths: what a dead process held is lost with it, and nothing else may be. */
export class Ledger {
  readonly #holders = new Map<number, Holder[]>()
  readonly #deaths = new Map<number, number>()
  /** Those that have had a successor, to which their connections move. */
  readonly #givers = new Set<number>()

  /** Notes that a process has accepted or adopted a connection, by the client's port. */
  holds(pid: number, port: number, atMs: number): void {
    const holders = this.#holders.get(port)
    if (holders) holders.push({ pid, atMs })
    else this.#holders.set(port, [{ pid, atMs }])
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
  explain({ atMs, code, localPort }: Loss): number | undefined {
    // Someone has the listening socket as long as the service lives, so a refusal has no excuse.
    if (code === 'ECONNREFUSED') return undefined
    const holder = localPort === undefined ? undefined : this.#holderOf(localPort, atMs)
    if (holder) {
      const diedMs = this.#deaths.get(holder.pid)
      if (diedMs !== undefined && diedMs <= atMs + togetherMs) return holder.pid
    }
    // A process has accepted or adopted it, and died before it could say so.
    if (holder && !this.#givers.has(holder.pid)) return undefined
    for (const [pid, diedMs] of this.#deaths) {
      const isTogether = Math.abs(diedMs - atMs) <= togetherMs
      if (isTogether && (!holder || holder.atMs < diedMs)) return pid
    }
    return undefined
  }

  /** Returns who had the connection last, as far as it was told. */
  holderOf({ localPort, atMs }: Loss): number | undefined {
    return localPort === undefined ? undefined : this.#holderOf(localPort, atMs)?.pid
  }

  #holderOf(port: number, atMs: number): Holder | undefined {
    // The port may belong to a later connection meanwhile.
    const holders = this.#holders.get(port) ?? []
    return holders.filter((holder) => holder.atMs <= atMs + togetherMs).at(-1)
  }
}
