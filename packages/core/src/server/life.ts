import type { ShutdownReport } from '../api/reports.js'
import type { State } from '../api/status.js'
import { deferred } from '../node/waits.js'

/** What has become of one server: its state, and the report of its end. */
export class Life {
  #state: State = 'init'
  #isOpen = false
  #end = deferred<ShutdownReport>()

  get state(): State {
    return this.#state
  }

  /** Whether it has listened and not closed since: it may drain, and listen again. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Settles at its end; after a `reopen` at the next. */
  get terminated(): Promise<ShutdownReport> {
    return this.#end.promise
  }

  open(): void {
    this.#isOpen = true
  }

  /** It accepts. */
  serve(): void {
    this.#state = 'running'
  }

  /** It is about to end. */
  foretell(): void {
    if (this.#state === 'init' || this.#state === 'running') this.#state = 'shutting-down'
  }

  /** It has closed; its report comes when those that end with it have ended too. */
  end(report: ShutdownReport, others: readonly Promise<unknown>[]): void {
    this.#isOpen = false
    this.#state = 'terminate'
    const end = this.#end
    if (others.length === 0) end.resolve(report)
    else void Promise.all(others).then(() => end.resolve(report))
  }

  /** A server that was closed may listen again, as with Node alone. */
  reopen(): void {
    if (this.#state !== 'terminate') return
    this.#state = 'init'
    this.#end = deferred()
  }
}
