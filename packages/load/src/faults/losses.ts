import type { Loss } from '../chaos/ledger.js'
import type { LoadReport } from '../traffic/report.js'
import type { FaultKind } from './faults.js'
import { type Excuse, isDeadly } from './promises.js'
import type { Service } from './service.js'

/** How long a predecessor waits for what it has sent through a supervisor that died, and somewhat more. */
const onItsWayMs = 10_000

/** What clients have lost, and which of it the fault itself explains. */
export class Losses {
  /** When the load began, on the clock of the history. */
  beganMs = 0
  /** When the service was told to end; `undefined` if it was not. */
  toldToEndMs: number | undefined
  /** When the fault was over; until then it goes on. */
  recoveredMs = Infinity
  readonly #service: Service
  readonly #excuses: readonly Excuse[]
  readonly #befallen = new Set<number>()
  readonly #others: Loss[] = []
  #faultMs = Infinity
  #isDeadly = false

  constructor(service: Service, excuses: readonly Excuse[]) {
    this.#service = service
    this.#excuses = excuses
  }

  /** The processes to which the fault happened. */
  get befallen(): ReadonlySet<number> {
    return this.#befallen
  }

  befell(kind: FaultKind, pid: number): void {
    const { ledger, history } = this.#service
    this.#befallen.add(pid)
    this.#faultMs = history.nowMs
    this.#isDeadly = isDeadly(kind)
    if (this.#isDeadly) ledger.died(pid, this.#faultMs)
  }

  /** Adds what the load does not know of. */
  add(loss: Loss): void {
    this.#others.push(loss)
  }

  judge({ failures, closures }: LoadReport) {
    const { port: serverPort, ledger, ended } = this.#service
    if (this.#excuses.includes('the given up')) {
      for (const [pid, { atMs, wasSilent }] of ended) if (wasSilent) ledger.died(pid, atMs)
    }
    const connectionOf = (clientPort: number | undefined) =>
      clientPort === undefined ? undefined : { clientPort, serverPort }
    const lost = failures.map(({ atMs, kind, code, message, call, connection, ...failure }) => ({
      atMs: this.beganMs + atMs,
      code,
      isNew: !failure.reusedSocket,
      connection: connectionOf(failure.localPort),
      what: `${kind} of ${call} on ${failure.reusedSocket ? 'the old' : 'a new'} connection of ${connection} (${message})`,
    }))
    const closed = closures.map(({ atMs, localPort }) => ({
      atMs: this.beganMs + atMs,
      isNew: false,
      code: undefined,
      connection: connectionOf(localPort),
      what: 'a kept connection was closed',
    }))
    const others = this.#others.map((loss) => ({ ...loss, isNew: false }))
    const isExcused = (loss: Loss & { isNew: boolean }) => this.#isExcused(loss)
    // A request that is lost also ends its connection: that is counted once.
    const lostPorts = new Set(lost.map(({ connection }) => connection?.clientPort))
    const closedOnly = closed.filter(({ connection }) => !lostPorts.has(connection?.clientPort))
    const all = [...lost, ...others]
    return {
      lost: all.filter((loss) => !isExcused(loss)),
      closed: closedOnly.filter((loss) => !isExcused(loss)),
      excused: [...all, ...closedOnly].filter(isExcused).length,
    }
  }

  /** Returns the names of the generations that ended otherwise than they should. */
  unexplainedDeaths(): string[] {
    const service = this.#service
    const { ended, members } = service
    const mayBeKilled = this.#excuses.includes('the given up')
    return [...ended]
      .filter(([pid, { wasSilent }]) => {
        if (this.#isDeadly && this.#befallen.has(pid)) return false
        const { exitCode = 0, release, hasServed } = members.get(pid) ?? {}
        if (release === 'bad' || hasServed !== true) return false
        return (wasSilent && !mayBeKilled) || exitCode !== 0
      })
      .map(([pid]) => service.nameOf(pid))
  }

  #isExcused(loss: Loss & { isNew: boolean }): boolean {
    const { isNew, atMs } = loss
    const sinceMs = atMs - this.#faultMs
    const { toldToEndMs } = this
    if (toldToEndMs !== undefined && this.#excuses.includes('the end') && atMs > toldToEndMs) {
      // A client whose connection has ended opens another one, which is refused.
      if (isNew) return true
    }
    const isRecovered = atMs > this.recoveredMs + 500
    if (this.#excuses.includes('new connections') && isNew && sinceMs > -500 && !isRecovered)
      return true
    if (
      this.#excuses.includes('the gap') &&
      isNew &&
      loss.code === 'ECONNREFUSED' &&
      sinceMs > -500
    ) {
      return true
    }
    const { ledger, hammered } = this.#service
    const hadHammered = ledger.holdersOf(loss).some(({ pid }) => hammered.has(pid))
    if (this.#excuses.includes('the hammered') && hadHammered) return true
    return this.#wasOnItsWay(loss) || ledger.explain(loss) !== undefined
  }

  /** Whether a supervisor that died may have held a connection, which its predecessor had sent on its way. */
  #wasOnItsWay(loss: Loss): boolean {
    const { supervisor, ledger, members } = this.#service
    if (!this.#isDeadly || supervisor === undefined || !this.#befallen.has(supervisor)) return false
    const sinceMs = loss.atMs - this.#faultMs
    const [last] = ledger.holdersOf(loss).slice(-1)
    const hasGivenWay = last !== undefined && members.get(last.pid)?.state === 'drains'
    return hasGivenWay && sinceMs > 0 && sinceMs < onItsWayMs
  }
}
