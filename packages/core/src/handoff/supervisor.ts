import type { EndlessError } from '../errors.js'
import type { RawHandle } from '../internals.js'
import type { Child, Exit } from './child.js'
import type {
  Channel,
  ErrorReport,
  FromSupervisor,
  SpawnRequest,
  SupervisorFacts,
  ToPredecessor,
  ToSuccessor,
  ToSupervisor,
} from './protocol.js'

/** What a supervisor asks a generation. */
export type Question = Extract<FromSupervisor, { type: 'ask' }>['what']

/** The supervisor, as a generation has it: one line, by which predecessor and successor are reached too. */
export class Supervisor {
  readonly isAtTerminal: boolean
  readonly predecessor: Channel<ToPredecessor, ToSuccessor>
  readonly #line: Channel<ToSupervisor, FromSupervisor>
  readonly #holders = new Set<object>()
  readonly #settlePredecessorGone: () => void
  #successor: SupervisedChild | undefined
  #isGone = false

  /** @param answer gives what the supervisor asks for */
  constructor(
    line: Channel<ToSupervisor, FromSupervisor>,
    { isAtTerminal }: SupervisorFacts,
    answer: (what: Question) => Promise<unknown>,
  ) {
    this.isAtTerminal = isAtTerminal
    this.#line = line
    let settle!: () => void
    const gone = new Promise<void>((resolve) => (settle = resolve))
    this.#settlePredecessorGone = settle
    this.predecessor = { ...this.#end(gone), onMessage: () => undefined }
    line.onMessage = (message, handle) => {
      this.#receive(message, handle, answer)
    }
    void line.closed.then(() => {
      this.#isGone = true
      this.#successor?.lose()
    })
  }

  /** Whether it has died. This process then stands alone: nobody is left who could replace it. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Settles when it has died. */
  get gone(): Promise<void> {
    return this.#line.closed
  }

  /** Gives up waiting for what would have come through it, once it has died. */
  standAlone(): void {
    this.#settlePredecessorGone()
  }

  /** Has a successor started. */
  start({ command, args, cwd, env }: SpawnRequest): Child {
    const successor = new SupervisedChild(this.#end(new Promise(() => undefined)), (message) => {
      this.#tell(message)
    })
    this.#successor = successor
    successor.channel.ref()
    this.#tell({ type: 'spawn', launch: { command, args, cwd, env } })
    return successor
  }

  reportServing(): void {
    this.#tell({ type: 'serving' })
  }

  reportNotServing(): void {
    this.#tell({ type: 'not-serving' })
  }

  /** The line, as one of those has it who share it. */
  #end<Out extends ToPredecessor | ToSuccessor>(
    closed: Promise<void>,
  ): Omit<Channel<Out, never>, 'onMessage'> {
    const holder = {}
    return {
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

  #receive(
    message: FromSupervisor,
    handle: RawHandle | undefined,
    answer: (what: Question) => Promise<unknown>,
  ): void {
    switch (message.type) {
      case 'listener':
      case 'welcome':
      case 'taken-over':
      case 'older':
      case 'connection':
      case 'upgrade':
        this.predecessor.onMessage(message, handle)
        break
      case 'predecessor-gone':
        this.#settlePredecessorGone()
        break
      case 'spawned':
        this.#successor?.started(message.pid)
        break
      case 'spawn-failed':
        this.#successor?.failed(message.error)
        break
      case 'exited':
        this.#successor?.exited({ code: message.code, signal: message.signal })
        break
      case 'ask':
        void this.#answer(message.id, answer(message.what))
        break
      default:
        this.#successor?.channel.onMessage(message, handle)
    }
  }

  async #answer(id: number, answer: Promise<unknown>): Promise<void> {
    try {
      this.#tell({ type: 'answer', id, value: await answer })
    } catch (error) {
      const { name, message, code, pid, exitCode, signal, stderr } = error as EndlessError
      const report = { name, message, code, pid, exitCode, signal, stderr }
      this.#tell({ type: 'refusal', id, error: report })
    }
  }

  #tell(message: ToSupervisor): void {
    // A supervisor that is gone needs no report, and is noticed by the end of the line.
    this.#line.send(message).catch(() => undefined)
  }
}

/** A successor that the supervisor has started for us. */
class SupervisedChild implements Child {
  readonly channel: Channel<ToSuccessor, ToPredecessor>
  readonly exit: Promise<Exit>
  pid: number | undefined
  readonly #tell: (message: ToSupervisor) => void
  #settle!: { resolve(exit: Exit): void; reject(error: Error): void; closed(): void }

  constructor(
    end: Omit<Channel<ToSuccessor, never>, 'onMessage'>,
    tell: (message: ToSupervisor) => void,
  ) {
    this.#tell = tell
    const closed = new Promise<void>((settleClosed) => {
      this.#settle = { resolve: () => undefined, reject: () => undefined, closed: settleClosed }
    })
    this.exit = new Promise((resolve, reject) => Object.assign(this.#settle, { resolve, reject }))
    this.channel = { ...end, closed, onMessage: () => undefined }
  }

  kill(signal: NodeJS.Signals): void {
    this.#tell({ type: 'kill', signal })
  }

  release(): void {
    this.channel.unref()
  }

  started(pid: number): void {
    this.pid = pid
  }

  failed({ message, code }: ErrorReport): void {
    this.#settle.reject(Object.assign(new Error(message), { code }))
    this.#end()
  }

  exited(exit: Exit): void {
    this.#settle.resolve(exit)
    this.#end()
  }

  /** The way to it is lost, with the supervisor: what becomes of it is not for this process any more. */
  lose(): void {
    this.channel.onMessage({ type: 'leaving' })
    this.#end()
  }

  #end(): void {
    this.#settle.closed()
    this.channel.unref()
  }
}
