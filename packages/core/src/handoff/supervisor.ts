import { EndlessError, type EndlessErrorCode } from '../api/endless-error.js'
import type { RestartReport, RestartRequest } from '../api/reports.js'
import type { Channel } from '../line/channel.js'
import { confirmed } from '../line/confirmed.js'
import type { PassedTicketKeys } from '../listeners/ticket-keys.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import { deferred, type Deferred } from '../node/waits.js'
import type { Child } from './child.js'
import { type RefusalReport, reportOf } from './error-report.js'
import type {
  FromSupervisor,
  Load,
  Question,
  SpawnRequest,
  SuccessorSignal,
  SupervisorFacts,
  ToPredecessor,
  ToSuccessor,
  ToSupervisor,
} from './protocol.js'
import { parentLives } from './living-parent.js'
import { MetricsQuestions } from './metrics-questions.js'
import { Peers, type PeersHost } from './peers.js'
import { SupervisedChild } from './supervised-child.js'

/** What {@link Supervisor} needs from this process. */
export interface SupervisorLineHost extends Omit<PeersHost, 'send'> {
  readonly system: Pick<
    System,
    'ppid' | 'now' | 'setTimeout' | 'isParent' | 'isSibling' | 'signalProcess'
  >
  /** Returns what the supervisor asks for. */
  answer(question: Question): Promise<unknown>
  load(): Load
  /** Gives so many idle connections to other workers. */
  give(count: number): void
  /** Takes the ticket keys of all workers for the server at this address. */
  takeTicketKeys(bound: string, ticketKeys: PassedTicketKeys): void
  /** Ends this process, while other workers go on and get its connections. */
  leave(): void
}

/** The supervisor as a generation sees it: one line, which also leads to predecessor and successor. */
export class Supervisor {
  readonly predecessor: Channel<ToPredecessor, ToSuccessor>
  readonly peers: Peers
  readonly #host: SupervisorLineHost
  readonly #facts: () => SupervisorFacts | undefined
  readonly #line: Channel<ToSupervisor, FromSupervisor>
  readonly #metrics: MetricsQuestions
  readonly #holders = new Set<object>()
  readonly #predecessorGone = deferred()
  #successor: SupervisedChild | undefined
  /**
   * The successor whose messages arrive: the last one that was spawned. Another may have been asked for meanwhile, when
   * the one before was rolled back.
   */
  #speaking: SupervisedChild | undefined
  /** Living successors by pid; one that was rolled back still returns its open connections. */
  readonly #children = new Map<number, SupervisedChild>()
  #isGone = false
  /** How many slots there are, once that has changed. */
  #workers: number | undefined
  /** Restarts of the service that this process has asked for, by their id. */
  readonly #asked = new Map<number, Deferred<RestartReport>>()
  #lastAsked = 0

  /**
   * @param facts returns what is known of it: nothing before it has welcomed this process
   */
  constructor(
    line: Channel<ToSupervisor, FromSupervisor>,
    facts: () => SupervisorFacts | undefined,
    host: SupervisorLineHost,
  ) {
    this.#facts = facts
    this.#host = host
    this.#line = confirmed(line)
    this.peers = new Peers({
      system: host.system,
      adopt: host.adopt,
      adoptsAt: host.adoptsAt,
      send: (message, handle) => this.#line.send(message, handle),
    })
    this.#metrics = new MetricsQuestions(host.system, (message) => this.#line.send(message))
    this.predecessor = this.#end(this.#predecessorGone.promise)
    line.onMessage = (message, handle) => {
      this.#receive(message, handle)
    }
    void line.closed.then(() => {
      this.#isGone = true
      this.#successor?.lose()
      for (const asked of this.#asked.values()) asked.reject(lost())
      this.peers.lose()
      this.#metrics.lose()
      for (const child of this.#children.values()) child.lose()
    })
  }

  /** The slot of this process, from 0. */
  get slot(): number {
    return this.#facts()?.slot ?? 0
  }

  /** How many slots the service has. */
  get workers(): number {
    return this.#workers ?? this.#facts()?.workers ?? 1
  }

  /** Whether a restart of the service concerns other processes, too. */
  get rolls(): boolean {
    return !this.#isGone && this.workers > 1
  }

  get isAtTerminal(): boolean {
    return this.#facts()?.isAtTerminal ?? false
  }

  /** Whether it passes UDP sockets on: one of another version may not. */
  get takesUdp(): boolean {
    return this.#facts()?.takesUdp ?? false
  }

  /** Whether the supervisor has died. Nothing will then replace this process if it dies too. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Settles when the supervisor has died. */
  get gone(): Promise<void> {
    return this.#line.closed
  }

  /** Ends the channel of the predecessor, which led through the supervisor. Call when that has died. */
  standAlone(): void {
    this.#predecessorGone.resolve()
  }

  /**
   * Makes the supervisor start a successor.
   *
   * @param overrides the options of `successor` that the user gave
   */
  start({ command, args, cwd, env }: SpawnRequest, overrides: string[]): Child {
    const successor = new SupervisedChild(this.#end(new Promise(() => undefined)), {
      tell: (message) => {
        this.#tell(message)
      },
      signal: (pid, signal, momentMs) => void this.#signalOrphan(pid, signal, momentMs),
    })
    this.#successor = successor
    successor.channel.ref()
    this.#tell({ type: 'spawn', launch: { command, args, cwd, env }, overrides })
    return successor
  }

  /**
   * Makes the supervisor restart all slots; rejects with the reason if it does not.
   * See docs/decisions.md, "A restart of the service is asked of the supervisor"
   */
  restart(request: RestartRequest): Promise<RestartReport> {
    const id = ++this.#lastAsked
    const asked = deferred<RestartReport>()
    this.#asked.set(id, asked)
    this.#tell({ ...request, type: 'restart', id })
    return asked.promise.finally(() => this.#asked.delete(id))
  }

  /**
   * Asks for new ticket keys for the server at this address; returns whether an answer comes, which the host then
   * gets. Without one, this process is alone.
   *
   * @param sinceMs when the use of the keys began that are replaced
   */
  renewTicketKeys(bound: string, ticketKeys: PassedTicketKeys, sinceMs: number): boolean {
    if (this.#isGone || !this.#facts()?.sharesTicketKeys) return false
    this.#tell({ type: 'renew-ticket-keys', bound, ticketKeys, sinceMs })
    return true
  }

  /** Asks for the metrics of the service; `undefined` if the supervisor does not answer. */
  askMetrics(): Promise<string | undefined> {
    return this.#metrics.ask()
  }

  reportServing(): void {
    this.#tell({ type: 'serving' })
  }

  /**
   * Reports that the successor has died, and that this process does not serve again.
   * See docs/decisions.md, "Generations report which one serves"
   */
  reportNotServing(): void {
    this.#tell({ type: 'not-serving' })
  }

  /** Returns a channel that shares the line; the line is referenced as long as one of its channels is. */
  #end<Out extends ToPredecessor | ToSuccessor, In extends ToPredecessor | ToSuccessor>(
    closed: Promise<void>,
  ): Channel<Out, In> {
    const holder = {}
    return {
      onMessage: () => undefined,
      onHandleAnswer: () => undefined,
      send: (message, handle) => this.#line.send(message, handle),
      closed,
      ref: () => {
        this.#holders.add(holder)
        this.#line.ref()
      },
      unref: () => {
        this.#holders.delete(holder)
        if (this.#holders.size === 0) this.#line.unref()
      },
    }
  }

  #receive(message: FromSupervisor, handle: RawHandle | undefined): void {
    switch (message.type) {
      case 'listener':
      case 'welcome':
      case 'taken-over':
      case 'older':
      case 'connection':
      case 'upgrade':
      case 'ask-alive':
      case 'ask-answers':
      case 'proven':
      case 'rollback':
      case 'serves-again':
      case 'return-answer':
      case 'ask-metrics':
        this.predecessor.onMessage(message, handle)
        break
      case 'predecessor-gone':
        this.#predecessorGone.resolve()
        break
      case 'spawned':
        this.#successor?.started(message.pid)
        if (this.#successor) this.#children.set(message.pid, this.#successor)
        this.#speaking = this.#successor
        break
      case 'spawn-failed':
        this.#successor?.failed(message.error)
        break
      case 'exited':
        this.#ended(message)
        break
      case 'given':
        this.peers.receive({ ...message, type: 'connection' }, handle)
        break
      case 'taken':
        this.peers.answered(message.id, message.isTaken)
        break
      case 'measure':
        this.#tell({ type: 'load', ...this.#host.load() })
        break
      case 'give':
        this.#host.give(message.count)
        break
      case 'leave':
        this.peers.leave()
        this.#host.leave()
        break
      case 'ticket-keys':
        this.#host.takeTicketKeys(message.bound, message.ticketKeys)
        break
      case 'metrics':
        this.#metrics.answered(message)
        break
      case 'workers':
        this.#workers = message.workers
        break
      case 'restarted':
        this.#asked.get(message.id)?.resolve(message.report)
        break
      case 'not-restarted':
        this.#asked.get(message.id)?.reject(refusal(message.error))
        break
      case 'ask':
        void this.#answer(message.id, this.#host.answer(message))
        break
      default:
        this.#senderOf(message)?.channel.onMessage(message, handle)
    }
  }

  #senderOf({ from }: { from?: number | undefined }): SupervisedChild | undefined {
    return from === undefined ? this.#speaking : this.#children.get(from)
  }

  #ended({ code, signal, pid }: Extract<FromSupervisor, { type: 'exited' }>): void {
    const child = this.#senderOf({ from: pid })
    child?.exited({ code, signal })
    if (child?.pid !== undefined) this.#children.delete(child.pid)
  }

  async #answer(id: number, answer: Promise<unknown>): Promise<void> {
    try {
      this.#tell({ type: 'answer', id, value: await answer })
    } catch (error) {
      const { pid, exitCode, signal, stderr } = error as EndlessError
      const { name, message, code } = reportOf(error)
      const report = { name, message, code, pid, exitCode, signal, stderr }
      this.#tell({ type: 'refusal', id, error: report })
    }
  }

  /**
   * Signals another child of the supervisor, which is dead. While it lives, the end of this line tells nothing of its
   * other children; and afterwards they have the same parent as this process.
   */
  async #signalOrphan(pid: number, signal: SuccessorSignal, momentMs: number): Promise<void> {
    const { system } = this.#host
    if (await parentLives(system, system.ppid)) return
    if (system.isSibling(pid)) system.signalProcess(pid, signal, momentMs)
  }

  #tell(message: ToSupervisor): void {
    // A supervisor that is gone needs no report; the end of the line shows that it is.
    this.#line.send(message).catch(() => undefined)
  }
}

function refusal({ message, code, pid, exitCode, signal, stderr }: RefusalReport): EndlessError {
  const details = { pid, exitCode, signal, stderr }
  return new EndlessError(
    (code ?? 'ERR_ENDLESS_REQUEST_FAILED') as EndlessErrorCode,
    message,
    details,
  )
}

function lost(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_REQUEST_FAILED',
    'Whether the service was restarted is unknown: its supervisor has died.',
  )
}
