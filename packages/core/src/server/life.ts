import type { ShutdownReport } from '../api/reports.js'
import type { State } from '../api/status.js'
import { deferred } from '../node/waits.js'

/** The state of one server, and the report of its end. */
export class Life {
  #state: State = 'init'
  #isOpen = false
  #end = deferred<ShutdownReport>()

  get state(): State {
    return this.#state
  }

  /** Whether the server has listened and not closed since; still true in a drain, which may be taken back. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Resolves when the server has ended; after a `reopen`, when it has ended again. */
  get terminated(): Promise<ShutdownReport> {
    return this.#end.promise
  }

  open(): void {
    this.#isOpen = true
  }

  /** Marks the server as accepting. */
  serve(): void {
    this.#state = 'running'
  }

  /** Marks the server as about to end. */
  foretell(): void {
    if (this.#state === 'init' || this.#state === 'running') this.#state = 'shutting-down'
  }

  /** Marks the server as closed; `terminated` resolves when `others`, which end with it, have ended too. */
  end(report: ShutdownReport, others: readonly Promise<unknown>[]): void {
    this.#isOpen = false
    this.#state = 'terminate'
    const end = this.#end
    if (others.length === 0) end.resolve(report)
    else void Promise.all(others).then(() => end.resolve(report))
  }

  /** Starts over: a closed server may listen again, as with Node alone. */
  reopen(): void {
    if (this.#state !== 'terminate') return
    this.#state = 'init'
    this.#end = deferred()
  }
}
