import type { Child, Exit } from './child.js'
import type { Channel, ErrorReport, ToPredecessor, ToSuccessor, ToSupervisor } from './protocol.js'

/** A successor that the supervisor has started for us. */
export class SupervisedChild implements Child {
  readonly channel: Channel<ToSuccessor, ToPredecessor>
  readonly exit: Promise<Exit | 'lost'>
  pid: number | undefined
  readonly #tell: (message: ToSupervisor) => void
  #settle!: { resolve(exit: Exit | 'lost'): void; reject(error: Error): void; closed(): void }

  constructor(end: Channel<ToSuccessor, ToPredecessor>, tell: (message: ToSupervisor) => void) {
    this.#tell = tell
    const closed = new Promise<void>((settleClosed) => {
      this.#settle = { resolve: () => undefined, reject: () => undefined, closed: settleClosed }
    })
    this.exit = new Promise((resolve, reject) => Object.assign(this.#settle, { resolve, reject }))
    this.channel = { ...end, closed }
  }

  kill(signal: NodeJS.Signals): void {
    this.#tell({ type: 'kill', signal })
  }

  release(): void {
    this.channel.unref()
  }

  disconnect(): void {
    // Its end is the supervisor's to tell.
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

  /** The way to it is lost, with the supervisor. */
  lose(): void {
    this.#settle.resolve('lost')
    this.#end()
  }

  #end(): void {
    this.#settle.closed()
    this.channel.unref()
  }
}
