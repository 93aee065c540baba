import { durationOf } from '../api/duration.js'
import { EndlessError, messageOf } from '../api/endless-error.js'
import { atStart, generationName, type NamedGeneration } from '../api/generation-name.js'
import type { MoveReason } from '../api/diagnostics.js'
import type { GenerationStatus } from '../api/status.js'
import type { Counts } from '../control/tally.js'
import type { Channel } from '../line/channel.js'
import type { UnixAddress } from '../listeners/address.js'
import type { KeptListener } from '../listeners/kept-listener.js'
import { isUdp, type Passable } from '../listeners/passed-listener.js'
import type { Migration, MovedConnection } from '../migration/migration.js'
import type { MovedUpgrade, UpgradeMigration } from '../migration/upgrade-migration.js'
import type { RawHandle, RawListener } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import { deferred, late, within } from '../node/waits.js'
import type { Child } from './child.js'
import { Escrow } from './escrow.js'
import { HeirLine, type Verdict } from './heir-line.js'
import { type Failure, LastWords } from './last-words.js'
import { MetricsQuestions } from './metrics-questions.js'
import { MoveRecord } from './move-record.js'
import { Moves } from './moves.js'
import {
  type Fallback,
  protocolVersion,
  type SuccessorSignal,
  type ToPredecessor,
  type ToSuccessor,
  type Welcome,
} from './protocol.js'
import { Rollback } from './rollback.js'

// The predecessor's half of a handoff; predecessor.ts holds the successor's half.

/** How long a successor that was told to stop may take before it is killed. */
const stopGraceMs = 2_000
/** How long to wait for reports of a successor that has exited. */
const lastWordsMs = 1_000
/** How long a successor may take to end that has lost its supervisor before it was told to take over. */
export const orphanedMs = 3_000
const lookMs = 50
const orphanLookMs = 1_000

/** What {@link Successor} needs from this process, its predecessor. */
export interface SuccessorHost {
  readonly system: System
  readonly child: Child
  /** The sockets that the successor gets. */
  readonly passed: readonly Passable[]
  readonly welcome: Omit<Welcome, 'type' | 'version' | 'supervisor'>
  readonly readyTimeoutMs: number
  /** Settles when an older generation, if there is one, knows of the successor: it is welcomed then. */
  readonly fallback: Promise<Fallback | undefined>
  /** Returns the status of this process and of all older generations, hammered first if `isHammered`. */
  readonly answerOlder: (isHammered: boolean) => Promise<GenerationStatus[]>
  /** Lets at most so many generations live, from this process back to the oldest. */
  readonly limit: (living: number) => void
  /** Takes back an open connection; returns whether a server of this process is there for it. */
  readonly adopt: (moved: MovedConnection | MovedUpgrade, handle: RawHandle) => boolean
  /** Called for each connection that has moved, to the successor or back. */
  readonly moved: (why: MoveReason) => void
  /** Called before a successor is told to shut down that has the same sockets: it would remove their paths. */
  readonly keepPaths: () => void
  /** Called with what the successor has counted. */
  readonly counted: (counts: Counts) => void
}

/** What a successor on probation says: what it asks for, that it is alive, and what it has answered. */
export type Plea = Extract<
  ToPredecessor,
  { type: 'ask-rollback' | 'ask-proven' | 'alive' | 'answers' }
>

/** A successor that boots or has taken over, as its predecessor sees it. */
export class Successor {
  /** The successor's pid file; `undefined` before it is ready, and if it has none. */
  pidFile: string | undefined
  /** Where it listens; `undefined` before it is ready, and if its version does not say. */
  serves: readonly string[] | undefined
  /** Where its control socket is bound; `undefined` before it serves, and if it has none. */
  control: UnixAddress | undefined
  /** Called with what it says while it is on probation. */
  onPlea: (plea: Plea) => void = () => undefined
  /** Called if it leaves although this process takes the service back: it was told to end, and the service was meant. */
  onStopped: () => void = () => undefined
  /** Whether it says that its addresses may be none of this process's. */
  allowsAddressChange = false
  readonly #host: SuccessorHost
  readonly #channel: Channel<ToSuccessor, ToPredecessor>
  readonly #escrow = new Escrow()
  readonly #lastWords = new LastWords()
  readonly #moves: Moves
  readonly #metrics: MetricsQuestions
  readonly #ready = deferred()
  readonly #exited: Promise<EndlessError>
  readonly #refused = deferred<EndlessError>()
  readonly #serving = deferred()
  readonly #left = deferred()
  readonly #cut = deferred()
  readonly #lost = deferred()
  readonly #gone = deferred()
  /** When its line ended; `undefined` before. */
  #closedMs: number | undefined
  #version = 0
  #givesBack = false
  #countsAnswers = false
  #rollback: Rollback | undefined
  #hasTakenOver = false
  #servingSinceMs: number | undefined
  #isTold = false
  #hasExited = false
  #refusal: EndlessError | undefined
  /** The line to the successor of this successor, while that boots. */
  #heir: HeirLine | undefined

  constructor(host: SuccessorHost) {
    const { system, child, readyTimeoutMs } = host
    this.#host = host
    this.#channel = child.channel
    this.#moves = new Moves(
      system,
      new MoveRecord(() => 'restart', host.moved),
      (message, handle) => child.channel.send(message, handle),
    )
    this.#metrics = new MetricsQuestions(system, (message) => child.channel.send(message))
    this.#channel.onMessage = (message, handle) => {
      this.#receive(message, handle)
    }
    // Referenced: the process must not end while a restart is under way.
    const timer = system.setTimeout(() => {
      const whatItDid = `was not ready after ${durationOf(readyTimeoutMs)}`
      this.#ready.reject(this.#explain('ERR_ENDLESS_READY_TIMEOUT', whatItDid))
    }, readyTimeoutMs)
    this.#exited = this.#watchExit()
    void this.#exited.then((error) => {
      this.#ready.reject(error)
      this.#serving.resolve()
      this.#moves.abort()
      this.#metrics.lose()
    })
    void this.#channel.closed.then(() => this.#cutOff())
    // `ready` may reject while the caller does something else and does not await it.
    this.ready.finally(() => clearTimeout(timer)).catch(() => undefined)
  }

  /** Settles when the successor only waits for `taken-over`; rejects with the reason if it never will. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Settles when the process is gone, with the error that explains its end. */
  get exited(): Promise<EndlessError> {
    return this.#exited
  }

  /** Settles when the process is gone, whether or not that is heard of; looks each second for one that was lost. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  /** Settles with the reason if the successor begins to shut down before it has taken over. */
  get refused(): Promise<EndlessError> {
    return this.#refused.promise
  }

  /**
   * Settles when the successor has reported that it serves, and so has its control socket; or that it leaves.
   * Settles at its exit at the latest.
   */
  get serving(): Promise<void> {
    return this.#serving.promise
  }

  /** When the successor reported that its pid file and control socket lead to it; `undefined` before. */
  get servingSinceMs(): number | undefined {
    return this.#servingSinceMs
  }

  /** Undefined until the successor has started. */
  get pid(): number | undefined {
    return this.#host.child.pid
  }

  /** Moves HTTP/1 connections; `undefined` before the successor is ready, and if its version is another. */
  get migration(): Migration | undefined {
    return this.#moves.migration
  }

  /** Moves connections that have left HTTP; `undefined` before `takeOver`, and if its version is another. */
  get upgrades(): UpgradeMigration | undefined {
    return this.#moves.upgrades
  }

  /** The last lines that it has written to standard error: on probation, all of them arrive here. */
  get stderr(): string[] {
    return this.#lastWords.lines
  }

  /** Why the successor will not take over; `undefined` if it has not refused. */
  get refusal(): EndlessError | undefined {
    return this.#refusal
  }

  /** Whether this process has stopped accepting and told the successor to accept. */
  get hasTakenOver(): boolean {
    return this.#hasTakenOver
  }

  /** Settles when this process will not serve again in its place. */
  get left(): Promise<void> {
    return this.#left.promise
  }

  /** Settles when the line to it has ended, and it lives: it can be told nothing more. */
  get cutOff(): Promise<void> {
    return this.#cut.promise
  }

  /** Settles when the supervisor has died, and the line to the successor with it. */
  get lost(): Promise<void> {
    return this.#lost.promise
  }

  /** Whether this process will not serve again if the successor dies. */
  get hasLeft(): boolean {
    return this.#escrow.isClosed
  }

  /**
   * Tells the successor to accept. Rejects if it is gone.
   *
   * @param afterMs time since the restart was requested
   * @param dropped addresses of this process that refuse from now on
   * @param probationMs how long this process stays behind; negative: until it is told to end
   */
  async takeOver(afterMs: number, dropped: string[], probationMs = 0): Promise<void> {
    this.#hasTakenOver = true
    // Another version may not report that it serves.
    if (this.#version === protocolVersion) this.#moves.openUpgrades()
    else this.#serving.resolve()
    const probation = probationMs === 0 ? {} : { probationMs }
    await this.#channel.send({ type: 'taken-over', afterMs, dropped, ...probation })
    this.#isTold = true
  }

  /** Tells a successor that was rolled back that all that leads to the service leads here again. */
  servedAgain(): void {
    if (this.#rollback) this.#send({ type: 'serves-again', to: this.pid ?? 0 })
  }

  /** Asks the successor for the metrics of the service; `undefined` if it does not answer. */
  askMetrics(): Promise<string | undefined> {
    return this.#metrics.ask()
  }

  /** Asks the successor for a sign of life; another version knows of none, and is not asked. */
  get askAlive(): (() => void) | undefined {
    if (!this.#givesBack) return undefined
    return () => {
      this.#send({ type: 'ask-alive' })
    }
  }

  /** Asks the successor what it has answered; another version does not count, and is not asked. */
  get askAnswers(): (() => void) | undefined {
    if (!this.#countsAnswers) return undefined
    return () => {
      this.#send({ type: 'ask-answers' })
    }
  }

  /** Tells the successor that its probation has passed. */
  prove(): void {
    this.#send({ type: 'proven' })
  }

  /**
   * Makes the successor give back what it has, and end: this process serves again.
   *
   * @param serves the addresses where it does
   * @param adopts those where it adopts connections
   */
  rollBack(reason: string, serves: string[], adopts: string[]): void {
    const { system, adopt, moved } = this.#host
    // It still answers for the connections on their way: it may have adopted them.
    this.#moves.close()
    this.#rollback = new Rollback({
      system,
      pid: this.pid ?? 0,
      givesBack: this.#givesBack,
      exited: this.exited,
      adopt,
      moved,
      send: (message) => {
        this.#send(message)
      },
      keepPaths: () => {
        this.#host.keepPaths()
      },
      signal: (signal) => {
        this.signal(signal)
      },
    })
    this.#rollback.begin(reason, serves, adopts)
  }

  /** Ends the successor: asks first, then kills. Settles when it is gone. */
  async stop(): Promise<void> {
    if (!this.#hasExited) this.signal('SIGTERM')
    // Referenced: the caller waits for the end of the successor.
    const timer = this.#host.system.setTimeout(() => {
      if (!this.#hasExited) this.signal('SIGKILL')
    }, stopGraceMs)
    await this.exited
    clearTimeout(timer)
  }

  /** Sends a signal, unless the successor is gone. */
  signal(signal: SuccessorSignal): void {
    this.#host.child.kill(signal)
  }

  /** Removes and returns its copy of a listening socket, by bound address; `undefined` if there is none. */
  takeEscrow(bound: string): KeptListener | undefined {
    return this.#escrow.take(bound)
  }

  /** Closes the copies of the listening sockets: this process will not take over again. */
  closeEscrow(): void {
    this.#escrow.close()
    this.#left.resolve()
    // It may die when this process has ended, which says less: a line also ends that has not arrived here.
    this.answerHeir('not-serving')
  }

  /** Tells the successor of a dead successor whether this process serves again. */
  answerHeir(verdict: Verdict): void {
    this.#heir?.answer(verdict)
    this.#heir = undefined
  }

  /** Lets this process end while the successor lives on. */
  release(): void {
    this.#host.child.release()
  }

  /** Closes the line to the successor: it gets nothing more from this process, which may live on. */
  disconnect(): void {
    this.#host.child.disconnect()
  }

  #receive(message: ToPredecessor, given: RawHandle | undefined): void {
    switch (message.type) {
      case 'hello':
        this.#version = message.version
        void this.#welcome(message.takesUdp ?? false)
        break
      case 'error':
        this.#lastWords.diedOf(message.error)
        break
      case 'stderr':
        this.#lastWords.wrote(message.text)
        break
      case 'escrow':
        if (given) this.#escrow.add({ bound: message.bound, handle: given as RawListener })
        break
      case 'released':
        this.#escrow.take(message.bound)?.handle.close()
        break
      case 'ready':
        this.pidFile = message.pidFile
        this.serves = message.serves
        this.allowsAddressChange = message.allowsAddressChange ?? false
        this.#givesBack = message.givesBack ?? false
        this.#countsAnswers = message.countsAnswers ?? false
        if (this.#version === protocolVersion) this.#moves.openMigration(message.adopts)
        this.#ready.resolve()
        break
      case 'adopted':
      case 'declined':
        this.#moves.answered('connection', message.id, message.type === 'adopted')
        break
      case 'upgrade-adopted':
      case 'upgrade-declined':
        this.#moves.answered('upgrade', message.id, message.type === 'upgrade-adopted')
        break
      case 'ask-rollback':
      case 'ask-proven':
      case 'alive':
      case 'answers':
        this.onPlea(message)
        break
      case 'giving-back':
      case 'returned-connection':
      case 'returned-upgrade':
        if (this.#rollback) this.#rollback.receive(message, given)
        else given?.close()
        break
      case 'serving':
        this.control = message.control
        this.#servingSinceMs ??= this.#host.system.now()
        this.#serving.resolve()
        break
      case 'ask-older':
        void this.#host.answerOlder(message.isHammered).then((generations) => {
          this.#send({ type: 'older', id: message.id, generations })
        })
        break
      case 'limit':
        this.#host.limit(message.living)
        break
      case 'metrics':
        this.#metrics.answered(message)
        break
      case 'counted':
        this.#host.counted(message.counts)
        break
      case 'leaving':
        this.#serving.resolve()
        this.#moves.close()
        // Another version is told to end by a signal of ours.
        if (this.#rollback && this.#givesBack) this.onStopped()
        // The successor's own report counts: it may have left before it read `taken-over`.
        if (message.hasTakenOver ?? this.#hasTakenOver) this.closeEscrow()
        else this.#refuse()
        break
      case 'succeeded':
        this.closeEscrow()
        break
      case 'taken-back':
        this.#escrow.reopen()
        break
      case 'heir':
        this.#heir?.close()
        this.#heir = given && new HeirLine(given)
        if (this.hasLeft) this.answerHeir('not-serving')
        break
      default:
        message satisfies never
    }
  }

  /**
   * Sends the sockets, then `welcome`. Call when the successor has said `hello`.
   * See docs/decisions.md, "The successor says hello first"
   */
  async #welcome(takesUdp: boolean): Promise<void> {
    const { passed, welcome } = this.#host
    for (const socket of passed) {
      const { asked, bound, handle } = socket
      if (takesUdp || !isUdp(socket)) this.#send({ type: 'listener', asked, bound }, handle)
    }
    const fallback = await this.#host.fallback
    this.#send({ ...welcome, type: 'welcome', version: protocolVersion, fallback })
  }

  #refuse(): void {
    this.#refusal = this.#explain(
      'ERR_ENDLESS_SUCCESSOR_EXITED',
      'began to shut down before it had taken over',
    )
    this.#ready.reject(this.#refusal)
    this.#refused.resolve(this.#refusal)
  }

  #send(message: ToSuccessor, handle?: RawHandle): void {
    // A successor that cannot be reached has exited, or will: `#watchExit` reports that.
    this.#channel.send(message, handle).catch(() => undefined)
  }

  async #watchExit(): Promise<EndlessError> {
    try {
      const exit = await this.#host.child.exit
      this.#hasExited = true
      if (exit === 'lost') {
        void this.#watchOrphan()
        return await this.#lose()
      }
      this.#gone.resolve()
      this.#lastWords.exited(exit)
      const isCut = this.#isCut
      await this.#hearOut()
      if (await this.#heir?.isClaimed()) this.closeEscrow()
      else if (isCut && this.#isTold && (await this.#hasHandedOver())) this.closeEscrow()
      const { code, signal } = exit
      return this.#endedBy(
        signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`,
      )
    } catch (error) {
      this.#hasExited = true
      this.#gone.resolve()
      return spawnFailed(error, this.#names)
    }
  }

  /**
   * Handles the loss of the line: the successor serves if it read `taken-over`, and exits if it did not. The
   * supervisor may have died before it passed that on, and nobody reports which of them has happened.
   */
  async #lose(): Promise<EndlessError> {
    this.#moves.close()
    this.#lost.resolve()
    this.#rollback?.lose()
    if (this.#isTold && ((await this.#outlivesItsSupervisor()) || (await this.#hasHandedOver()))) {
      this.closeEscrow()
      this.#moves.lose()
    }
    return this.#endedBy('was lost with the supervisor')
  }

  async #watchOrphan(): Promise<void> {
    const { pid } = this
    const { system } = this.#host
    const lostMs = Date.now()
    while (pid !== undefined && system.stillRuns(pid, lostMs)) {
      await new Promise<void>((resolve) => system.setTimeout(resolve, orphanLookMs).unref())
    }
    this.#gone.resolve()
  }

  /** Whether its line ended before it did: then its last messages are lost. At a death both end at once. */
  get #isCut(): boolean {
    return this.#closedMs !== undefined && this.#host.system.now() - this.#closedMs > lookMs
  }

  /**
   * Looks whether the successor, which is gone, has handed over to one of its own, which could not be said: then another
   * process has its sockets, and keeps them. One that only booted ends when it hears of the death.
   * See docs/decisions.md, "Who cannot be told looks who has the sockets"
   */
  async #hasHandedOver(): Promise<boolean> {
    const { system } = this.#host
    const endMs = system.now() + orphanedMs
    while (await this.#escrow.isHeldElsewhere(system)) {
      if (system.now() >= endMs) return true
      // Referenced: this process may have to serve again.
      await new Promise<void>((resolve) => void system.setTimeout(resolve, lookMs))
    }
    return false
  }

  /** Looks whether the successor lives; for a while, unless it has reported that it serves. */
  async #outlivesItsSupervisor(): Promise<boolean> {
    const { pid } = this
    const { system } = this.#host
    const lostMs = Date.now()
    const endMs = system.now() + (this.#servingSinceMs === undefined ? orphanedMs : 0)
    for (;;) {
      if (pid === undefined || !system.stillRuns(pid, lostMs)) return false
      if (system.now() >= endMs) return true
      // Referenced: this process may have to serve again.
      await new Promise<void>((resolve) => void system.setTimeout(resolve, lookMs))
    }
  }

  /**
   * Handles the end of the line to a successor that lives: it hears nothing more, and nothing more is heard of it but
   * its end. See docs/decisions.md, "A line may end before its processes do"
   */
  async #cutOff(): Promise<void> {
    this.#closedMs = this.#host.system.now()
    if (this.#hasExited) return
    const { child, system } = this.#host
    const exit = child.exit.catch(() => undefined)
    if ((await within(exit, lastWordsMs, system)) !== late) return
    const code = 'ERR_ENDLESS_SUCCESSOR_EXITED'
    this.#ready.reject(this.#explain(code, 'closed its channel before it had taken over'))
    this.#serving.resolve()
    this.#moves.close()
    this.#moves.lose()
    this.#metrics.lose()
    this.#cut.resolve()
  }

  #endedBy(whatItDid: string): EndlessError {
    const when = this.#hasTakenOver ? 'after' : 'before'
    return this.#explain('ERR_ENDLESS_SUCCESSOR_EXITED', `${whatItDid} ${when} it had taken over`)
  }

  #explain(code: Failure['code'], whatItDid: string): EndlessError {
    return this.#lastWords.explain({
      code,
      whatItDid,
      ...this.#names,
      hasTakenOver: this.#hasTakenOver,
      hasSaidHello: this.#version > 0,
    })
  }

  get #names(): Pair {
    const { system, welcome } = this.#host
    return {
      successor: { number: welcome.generation, pid: this.pid },
      predecessor: { number: welcome.generation - 1, pid: system.pid },
    }
  }

  /** Waits for the last messages, which may arrive after the exit is reported. */
  async #hearOut(): Promise<void> {
    await within(this.#channel.closed, lastWordsMs, this.#host.system)
  }
}

/** The two generations of a restart, by their names. */
interface Pair {
  successor: NamedGeneration
  predecessor: NamedGeneration
}

/** Creates the error of a successor that could not be started. */
export function spawnFailed(cause: unknown, { successor, predecessor }: Pair): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SPAWN_FAILED',
    `Could not start ${generationName(successor)}: ${messageOf(cause)}. ` +
      `${atStart(generationName(predecessor))} still serves.`,
    { cause },
  )
}
