import type { Channel } from '../line/channel.js'
import { deferred } from '../node/waits.js'
import type { Child, Exit } from './child.js'
import type { ErrorReport } from './error-report.js'
import type { SuccessorSignal, ToPredecessor, ToSuccessor, ToSupervisor } from './protocol.js'

/** A successor that the supervisor started for this process. The supervisor reports its start and its end. */
export class SupervisedChild implements Child {
  readonly channel: Channel<ToSuccessor, ToPredecessor>
  pid: number | undefined
  readonly #tell: (message: ToSupervisor) => void
  readonly #exit = deferred<Exit | 'lost'>()
  readonly #closed = deferred()

  constructor(end: Channel<ToSuccessor, ToPredecessor>, tell: (message: ToSupervisor) => void) {
    this.#tell = tell
    this.channel = { ...end, closed: this.#closed.promise }
  }

  get exit(): Promise<Exit | 'lost'> {
    return this.#exit.promise
  }

  kill(signal: SuccessorSignal): void {
    this.#tell({ type: 'kill', signal, pid: this.pid })
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
    this.#exit.resolve('lost')
    this.#end()
  }

  #end(): void {
    this.#closed.resolve()
    this.channel.unref()
  }
}
