import type net from 'node:net'
import type { MoveReason } from '../api/diagnostics.js'
import type { EndlessError } from '../api/endless-error.js'
import type { GenerationStatus } from '../api/status.js'
import type { Counts } from '../control/tally.js'
import type { Channel } from '../line/channel.js'
import type { AnswerCounter } from '../connections/answer-counter.js'
import { HandleLost } from '../line/handle-lost.js'
import { extraLineFd } from '../line/stdio.js'
import {
  formatAddress,
  type ListenTarget,
  type UdpAddress,
  type UnixAddress,
} from '../listeners/address.js'
import { HeldListeners } from '../listeners/held-listeners.js'
import {
  isUdp,
  type Passable,
  type PassedListener,
  type PassedUdpSocket,
} from '../listeners/passed-listener.js'
import type { MovedConnection } from '../migration/migration.js'
import type { MovedUpgrade } from '../migration/upgrade-migration.js'
import { rawHandleOf } from '../node/internals/connection-handle.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import { deferred, late, within } from '../node/waits.js'
import { adoptMoved } from './adopt-moved.js'
import { reportOf } from './error-report.js'
import { FallbackLine } from './fallback-line.js'
import type { Verdict } from './heir-line.js'
import { parentLives } from './living-parent.js'
import { OwnProbation } from './own-probation.js'
import {
  type Fallback,
  type Inheritance,
  type Takeover,
  type ToPredecessor,
  type ToSuccessor,
  type Welcome,
} from './protocol.js'

// The successor's half of a handoff; successor.ts holds the predecessor's half.

/** How long the predecessor may take to report its status. */
const answerMs = 1_000
/** How long the kernel may take to take a report for it. */
const reportMs = 1_000
/** How long it may take to react when it hears of a successor of this process. */
const introducedMs = 3_000
/** How long this process lives on for its report that it leaves. */
const toldMs = 60_000

/** What {@link Predecessor} needs from this process, its successor. */
export interface PredecessorHost {
  readonly system: System
  readonly inheritance: Inheritance
  /** The line to the predecessor: a channel of its own, or the supervisor's line, which relays. */
  readonly channel: Channel<ToPredecessor, ToSuccessor>
  /** Takes over an open connection; returns whether a server of this process is there for it. */
  readonly adopt: (moved: MovedConnection | MovedUpgrade, handle: RawHandle) => boolean
  /**
   * Called before this process accepts, since its predecessor does no more; if it throws, this process refuses.
   * See docs/decisions.md, "The pid file is written before the first connection is accepted"
   */
  readonly takesOver: () => void
  /** Returns how long a process that replaces this one may boot. */
  readonly readyTimeoutMs: () => number
  /** Counts the answers of this process from now on. */
  readonly countAnswers: () => AnswerCounter
  /** Called for each connection that has moved, to this process or back. */
  readonly moved: (why: MoveReason) => void
  /** Resolves with the metrics of the service. */
  readonly metrics: () => Promise<string>
  /** Called with the reason if this process must end, since another generation serves. */
  readonly yield: (why: string) => void
}

/** The predecessor as its successor sees it: what it passes on, and the line to it. */
export class Predecessor {
  /**
   * Settles when all that it passes on is here, or when it is gone before; `undefined` if that was so from the
   * start. See docs/decisions.md, "A listen waits for what is inherited"
   */
  arriving: Promise<void> | undefined
  /** The time in which it stays behind, and can serve again. */
  readonly probation: OwnProbation
  readonly #host: PredecessorHost
  readonly #channel: Channel<ToPredecessor, ToSuccessor>
  readonly #takenOver = deferred<Takeover>()
  readonly #finished = deferred()
  #held = new HeldListeners([])
  #fallback: FallbackLine | undefined
  #hasTakenOver = false
  #hasLeft = false
  #told: Promise<unknown> = Promise.resolve()
  /** Whether the predecessor knows that the successor of this process takes over. */
  #hasReportedSuccess = false
  #isGone = false
  #isUnresponsive = false
  /** Resolves each `ask-older` that is not answered yet, by its id. */
  readonly #asked = new Map<number, (generations: GenerationStatus[]) => void>()
  #lastAsked = 0

  constructor(host: PredecessorHost) {
    const { inheritance, channel } = host
    this.#host = host
    this.#channel = channel
    this.probation = new OwnProbation(host, channel)
    if (inheritance.welcome) this.#welcomed(inheritance.welcome)
    else {
      this.arriving = inheritance.arrived.then(() => {
        this.arriving = undefined
        if (inheritance.welcome) this.#welcomed(inheritance.welcome)
      })
    }
    channel.onMessage = (message, handle) => {
      switch (message.type) {
        case 'listener':
        case 'welcome':
          inheritance.receive(message, handle)
          break
        case 'taken-over':
          this.#accept(message)
          break
        case 'older':
          this.#asked.get(message.id)?.(message.generations)
          break
        case 'ask-metrics':
          void this.#answerMetrics(message.id)
          break
        case 'connection':
          this.#receive(message, handle)
          break
        case 'upgrade':
          this.#receiveUpgrade(message, handle)
          break
        case 'ask-alive':
        case 'ask-answers':
        case 'proven':
        case 'rollback':
        case 'serves-again':
        case 'return-answer':
          this.probation.receive(message)
          break
        default:
          message satisfies never
      }
    }
    void channel.closed.then(() => {
      this.#isGone = true
      if (!inheritance.entry.isSupervised) inheritance.stopReporting()
      this.#finished.resolve()
      this.probation.predecessorGone()
      for (const answer of this.#asked.values()) answer([])
      void this.#inherit()
    })
  }

  get generation(): number {
    const { entry, welcome } = this.#host.inheritance
    return welcome?.generation ?? entry.generation
  }

  /** Pid of the process that started this one: of the predecessor, or of the supervisor. */
  get pid(): number {
    return this.#host.inheritance.entry.parent
  }

  /** Its working directory as the user named it; '' if unknown. */
  get directory(): string {
    return this.#host.inheritance.welcome?.directory ?? ''
  }

  /** Its sockets that this process has not claimed yet. */
  get held(): HeldListeners {
    return this.#held
  }

  /**
   * Settles when this process may accept: with what its predecessor says of that, or with nothing when the
   * predecessor is gone. Never settles in a first generation, which accepts at once.
   */
  get takenOver(): Promise<Takeover> {
    return this.#takenOver.promise
  }

  /** Whether the line to it is closed. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Settles when the predecessor has ended, and nothing more comes from it. */
  get gone(): Promise<void> {
    return this.#channel.closed
  }

  /** Whether it did not answer when it was last asked for its status. */
  get isUnresponsive(): boolean {
    return this.#isUnresponsive
  }

  get hasTakenOver(): boolean {
    return this.#hasTakenOver
  }

  /**
   * Claims the held socket that `target` asks for; returns `undefined` if there is none.
   * See docs/decisions.md, "The channel stays referenced while a claim waits"
   */
  claim(target: ListenTarget): PassedListener | undefined {
    this.#stayAlive()
    const held = this.held.claim(target)
    return (
      held && {
        ...held,
        ticketKeys: this.#host.inheritance.welcome?.ticketKeys[formatAddress(held.bound)],
      }
    )
  }

  /** Claims the held UDP socket that is bound at an address; returns `undefined` if there is none. */
  claimUdp(address: UdpAddress): PassedUdpSocket | undefined {
    this.#stayAlive()
    return this.held.claimUdp(address)
  }

  /** Sends copies of sockets to the predecessor or the supervisor, where they outlive this process. */
  deposit(sockets: readonly Passable[]): void {
    const { entry, welcome } = this.#host.inheritance
    const { isSupervised } = entry
    const takesUdp = isSupervised && welcome?.supervisor?.takesUdp === true
    for (const socket of sockets) {
      if (isUdp(socket) && !takesUdp) continue
      const { asked, bound, handle, ticketKeys } = socket
      // A predecessor needs no ticket keys: it has these, or older ones of its own.
      this.#send({ type: 'escrow', asked, bound, ...(isSupervised && { ticketKeys }) }, handle)
    }
  }

  /** Makes the predecessor close its copy of a socket: connections should be refused, not wait for ever. */
  withdraw(bound: string): void {
    this.#send({ type: 'released', bound })
  }

  reportReady(
    report: Omit<
      Extract<ToPredecessor, { type: 'ready' }>,
      'type' | 'readyTimeoutMs' | 'givesBack' | 'countsAnswers'
    >,
  ): void {
    const readyTimeoutMs = this.#host.readyTimeoutMs()
    const knows = { givesBack: true, countsAnswers: true }
    this.#send({ type: 'ready', ...report, readyTimeoutMs, ...knows })
  }

  /** Reports what this process has counted, which the predecessor goes on from if it serves again. */
  reportCounted(counts: Counts): void {
    this.#send({ type: 'counted', counts })
  }

  /** Reports that this process will not serve, and why. The predecessor then stops it. */
  refuse(error: EndlessError): void {
    this.#send({ type: 'error', error: reportOf(error) })
    this.leave()
  }

  /** @param control where the control socket of this process is bound, if it has one */
  reportServing(control: UnixAddress | undefined): void {
    this.#send({ type: 'serving', control })
  }

  /** The slot of its worker, and the number of slots, if it has outlived its supervisor. */
  get place(): { slot?: number | undefined; workers?: number | undefined } {
    return this.#host.inheritance.welcome ?? {}
  }

  /** The predecessor's control socket, whose path ours takes over. */
  get control(): UnixAddress | undefined {
    return this.#host.inheritance.welcome?.control
  }

  /**
   * Returns the status of the predecessor and of all older generations, hammered first if `isHammered`.
   * Returns none if the predecessor is gone, or is too busy to answer in time.
   */
  async askOlder(isHammered: boolean): Promise<GenerationStatus[]> {
    const id = ++this.#lastAsked
    const answer = deferred<GenerationStatus[]>()
    this.#asked.set(id, answer.resolve)
    this.#channel.send({ type: 'ask-older', id, isHammered }).catch(() => answer.resolve([]))
    const generations = await within(answer.promise, answerMs, this.#host.system)
    this.#asked.delete(id)
    this.#isUnresponsive = generations === late
    return generations === late ? [] : generations
  }

  /**
   * Reports that the successor of this process takes over: this process then answers for it. Settles when
   * the report is written, or cannot be.
   */
  async reportSucceeded(): Promise<void> {
    if (this.#hasLeft) return
    this.#hasReportedSuccess = true
    const sent = this.#channel.send({ type: 'succeeded' })
    // A predecessor that is gone needs no report.
    await within(
      sent.catch(() => undefined),
      reportMs,
      this.#host.system,
    )
  }

  /**
   * Reports that this process serves after all, if it had reported that its successor takes over: the predecessor
   * may then have to take over again. Returns whether it had; its copies of the sockets are closed then.
   */
  reportTakenBack(): boolean {
    const hasLeft = this.#hasLeft
    // It may have said so in the drain that it breaks off, when the hammer fell. Its own end is still to be reported.
    this.#hasLeft = false
    if (!this.#hasReportedSuccess || hasLeft) return false
    this.#hasReportedSuccess = false
    this.#send({ type: 'taken-back' })
    return true
  }

  /**
   * Gives the predecessor a line to the successor that this process starts: if this process dies, they must
   * agree which of them serves. Returns how the successor can ask; `undefined` if the predecessor is gone.
   */
  async introduceHeir(line: net.Socket): Promise<Fallback | undefined> {
    const handle = rawHandleOf(line)
    if (!handle) return undefined
    const sent = this.#isGone
      ? Promise.resolve(undefined)
      : this.#channel.send({ type: 'heir' }, handle).then(
          (): Fallback => 'line',
          // Only then it certainly lives. A write also fails, with EPIPE, if it has just died.
          (error: unknown): Fallback | undefined =>
            error instanceof HandleLost ? 'silent' : undefined,
        )
    // Not before: Node sends nothing in place of a handle that was closed in its queue.
    void sent.then(() => line.destroy())
    const fallback = await within(sent, introducedMs, this.#host.system)
    return fallback === late ? 'silent' : fallback
  }

  /** Lets at most so many older generations live, the predecessor among them. */
  limit(living: number): void {
    this.#send({ type: 'limit', living })
  }

  /**
   * Reports that this process shuts down and takes nothing more, and whether it had taken over. A predecessor that
   * serves again knows of it, and is told nothing: it would end, as by {@link passStopOn}.
   */
  leave(): void {
    if (!this.probation.rolledBack) this.#leave()
  }

  /** Reports to a predecessor that serves again that this process was told to end, and that the service was meant. */
  passStopOn(): void {
    this.#leave()
  }

  /**
   * Settles when the report of `leave` is written, or cannot be. Without it, the exit of this process looks like a
   * crash, and the predecessor serves again.
   * See docs/decisions.md, "The exit waits until the predecessor knows why"
   */
  get told(): Promise<unknown> {
    return this.#told
  }

  /** Settles when the predecessor sends no more connections: it has exited, or this process has left. */
  async untilFinished(): Promise<void> {
    this.#channel.ref()
    await this.#finished.promise
    this.#channel.unref()
  }

  #leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    const wasOpen = !this.#isGone
    const sent = this.#channel.send({ type: 'leaving', hasTakenOver: this.#hasTakenOver })
    const isTold = Promise.race([
      sent.then(
        () => true,
        () => false,
      ),
      this.#channel.closed.then(() => false),
    ])
    const told = isTold.then((is) => (is || !wasOpen ? undefined : this.#leaveBySignal()))
    this.#told = within(told, toldMs, this.#host.system)
    this.#finished.resolve()
  }

  /**
   * Tells a predecessor to end which lives and cannot be told anything more: the exit of this process would look to it
   * like a crash. See docs/decisions.md, "A line may end before its processes do"
   */
  async #leaveBySignal(): Promise<void> {
    const { system, inheritance } = this.#host
    const { isSupervised, parent } = inheritance.entry
    if (!this.#hasTakenOver || isSupervised || !(await parentLives(system, parent))) return
    system.signalProcess(parent, 'SIGTERM', Date.now())
  }

  /**
   * The line has ended. If the predecessor is gone, this process takes over, unless an older generation serves again.
   * See docs/decisions.md, "One arbiter decides which generation serves"
   */
  async #inherit(): Promise<void> {
    if (this.#hasTakenOver) return
    if (await this.#isCutOff()) {
      this.#host.yield('The channel to the predecessor is cut, and it still serves')
      return
    }
    if ((await this.#askFallback()) === 'serving') {
      this.#host.yield('An older generation serves again')
    } else this.#takeOver({})
  }

  /** Whether the predecessor lives, although the line to it has ended. A supervisor is no predecessor. */
  async #isCutOff(): Promise<boolean> {
    const { system, inheritance } = this.#host
    const { isSupervised, parent } = inheritance.entry
    return !isSupervised && (await parentLives(system, parent))
  }

  async #askFallback(): Promise<Verdict> {
    const { entry, welcome } = this.#host.inheritance
    if (!welcome && entry.orphaned === 'ask') this.#openFallback('not-serving')
    return this.#fallback ? this.#fallback.ask() : 'not-serving'
  }

  /** A handle whose use is deferred keeps no event loop alive; the channel must, until `taken-over`. */
  #stayAlive(): void {
    if (!this.#hasTakenOver) this.#channel.ref()
  }

  #welcomed({ fallback, supervisor }: Welcome): void {
    const { held, heldUdp } = this.#host.inheritance
    this.#held = new HeldListeners(held, heldUdp)
    // A line that has not arrived ends, too, when the predecessor dies: the older generation may serve then.
    if (fallback) this.#openFallback(fallback === 'silent' ? 'serving' : 'not-serving')
    if (!supervisor?.isFirst) return
    this.#hasTakenOver = true
    this.#host.inheritance.reportAtEnd()
  }

  /** @param end the verdict if the line ends without one */
  #openFallback(end: Verdict): void {
    this.#fallback ??= new FallbackLine(extraLineFd, end, this.#host.system)
  }

  #accept(takeover: Takeover): void {
    try {
      if (!this.#hasTakenOver) this.#host.takesOver()
    } catch (error) {
      this.refuse(error as EndlessError)
      return
    }
    this.#takeOver(takeover)
  }

  #takeOver({ afterMs, dropped, probationMs = 0 }: Takeover): void {
    if (this.#hasTakenOver) return
    this.#hasTakenOver = true
    this.#fallback?.claim()
    this.#channel.unref()
    // It may die at once, of what it does once it serves: a predecessor that still lives serves again, and a
    // supervisor logs the reason.
    const { inheritance } = this.#host
    const reportAtEnd = (): void => {
      if (inheritance.entry.isSupervised || !this.#isGone) inheritance.reportAtEnd()
    }
    if (probationMs === 0) {
      reportAtEnd()
    } else {
      this.probation.begin()
      // Until then, it may be asked at any time what it has written last.
      void this.probation.ended.then(reportAtEnd)
    }
    this.#takenOver.resolve({ afterMs, dropped, probationMs })
  }

  #receive(connection: MovedConnection, handle: RawHandle | undefined): void {
    adoptMoved(handle, this.#adopterOf(connection), (isAdopted) => {
      if (isAdopted) this.#host.moved('restart')
      this.#send({ type: isAdopted ? 'adopted' : 'declined', id: connection.id })
    })
  }

  #receiveUpgrade(upgrade: MovedUpgrade, handle: RawHandle | undefined): void {
    adoptMoved(handle, this.#adopterOf(upgrade), (isAdopted) => {
      if (isAdopted) this.#host.moved('restart')
      this.#send({ type: isAdopted ? 'upgrade-adopted' : 'upgrade-declined', id: upgrade.id })
    })
  }

  async #answerMetrics(id: number): Promise<void> {
    this.#send({ type: 'metrics', id, text: await this.#host.metrics() })
  }

  #adopterOf(moved: MovedConnection | MovedUpgrade): (handle: RawHandle) => boolean {
    const isTaken = !this.#hasLeft && !this.probation.rolledBack
    return (handle) => isTaken && this.#host.adopt(moved, handle)
  }

  #send(message: ToPredecessor, handle?: RawHandle): void {
    // A predecessor that is gone needs no report: its end was the permission to accept.
    this.#channel.send(message, handle).catch(() => undefined)
  }
}
