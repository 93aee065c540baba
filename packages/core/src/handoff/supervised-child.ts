import type { Channel } from '../line/channel.js'
import { deferred } from '../node/waits.js'
import type { Child, Exit } from './child.js'
import type { ErrorReport } from './error-report.js'
import type { SuccessorSignal, ToPredecessor, ToSuccessor, ToSupervisor } from './protocol.js'

/** What {@link SupervisedChild} needs from the line to the supervisor. */
export interface SupervisedChildHost {
  tell(message: ToSupervisor): void
  /** Signals what had this pid at that moment (`Date.now()`), if the supervisor is dead. */
  signal(pid: number, signal: SuccessorSignal, momentMs: number): void
}

/** A successor that the supervisor started for this process. The supervisor reports its start and its end. */
export class SupervisedChild implements Child {
  readonly channel: Channel<ToSuccessor, ToPredecessor>
  pid: number | undefined
  readonly #host: SupervisedChildHost
  readonly #exit = deferred<Exit | 'lost'>()
  readonly #closed = deferred()
  /** When the supervisor was lost (`Date.now()`); `undefined` before. */
  #lostMs: number | undefined

  constructor(end: Channel<ToSuccessor, ToPredecessor>, host: SupervisedChildHost) {
    this.#host = host
    this.channel = { ...end, closed: this.#closed.promise }
  }

  get exit(): Promise<Exit | 'lost'> {
    return this.#exit.promise
  }

  kill(signal: SuccessorSignal): void {
    const { pid } = this
    if (this.#lostMs === undefined) this.#host.tell({ type: 'kill', signal, pid })
    else if (pid !== undefined) this.#host.signal(pid, signal, this.#lostMs)
  }

  release(): void {
    this.channel.unref()
  }

  disconnect(): void {
    // The line is shared; only the supervisor can close its end.
  }

  started(pid: number): void {
    this.pid = pid
  }

  failed({ message, code }: ErrorReport): void {
    this.#exit.reject(Object.assign(new Error(message), { code }))
    this.#end()
  }

  exited(exit: Exit): void {
    this.#exit.resolve(exit)
    this.#end()
  }

  /** Settles `exit` with `lost`: the supervisor is gone, and with it the line to the successor. */
  lose(): void {
    this.#lostMs = Date.now()
    this.#exit.resolve('lost')
    this.#end()
  }

  #end(): void {
    this.#closed.resolve()
    this.channel.unref()
  }
}
