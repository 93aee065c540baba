import { EndlessError } from '../api/endless-error.js'
import { atStart, generationName, type NamedGeneration } from '../api/generation-name.js'
import type { Exit } from './child.js'
import { type ErrorReport, reasonOf } from './error-report.js'

// What a generation reports about its own end, and the error that a failed restart makes of it.

/** How much of what a generation writes to standard error is kept: its end. */
export const keptChars = 16_384
const keptLines = 20
/** Begins each line that endless itself logs to standard error: none explains a death. */
const ownPrefix = '[endless '

/** How a successor failed. */
export interface Failure {
  code: 'ERR_ENDLESS_SUCCESSOR_EXITED' | 'ERR_ENDLESS_READY_TIMEOUT'
  /** Follows "Generation 1 (pid 101)": `exited with code 1 before it had taken over`. */
  whatItDid: string
  successor: NamedGeneration
  /** This process, which serves in its place. */
  predecessor: NamedGeneration
  hasTakenOver: boolean
  /** Whether it has said hello: before that it has no words but those on its own standard error. */
  hasSaidHello: boolean
}

const silence =
  'it has not come in: Node has run no preload in it, and it has not loaded @endless/core; standard error may say more'

/** Collects the error of a generation, its last lines on standard error, and its exit. */
export class LastWords {
  #error: ErrorReport | undefined
  #stderr = ''
  #exit: Exit | undefined

  /** Notes an error that reached the top of the program. One that it handled may not be its end. */
  diedOf(error: ErrorReport): void {
    if (error.isHandled && this.#error && !this.#error.isHandled) return
    this.#error = error
  }

  wrote(text: string): void {
    this.#stderr = (this.#stderr + text).slice(-keptChars)
  }

  exited(exit: Exit): void {
    this.#exit = exit
  }

  /** The error that the generation died of, with its place; `undefined` if it reported none. */
  get error(): string | undefined {
    return this.#fatal && reasonOf(this.#fatal)
  }

  /**
   * The error as far as it explains the end. A program that handled an error may exit because of it, with a
   * code that says so, or never become ready. If it exits with 0 or is killed, it ended for another reason.
   */
  get #fatal(): ErrorReport | undefined {
    const isOver = this.#exit !== undefined && (this.#exit.code ?? 0) === 0
    return this.#error?.isHandled && isOver ? undefined : this.#error
  }

  /** The last lines that it wrote to standard error. */
  get lines(): string[] {
    return this.#allLines.slice(-keptLines)
  }

  /** The last lines that the application wrote to standard error. Lines of endless are left out. */
  get complaints(): string[] {
    return this.#allLines.filter((line) => !line.startsWith(ownPrefix)).slice(-keptLines)
  }

  /** Creates the error of the failed restart. */
  explain(failure: Failure): EndlessError {
    const { code, whatItDid, successor, predecessor, hasTakenOver, hasSaidHello } = failure
    // What was written about an error that explains nothing explains nothing either.
    const said = this.error ?? (this.#error ? undefined : this.complaints.at(-1))
    const reason = said ?? (hasSaidHello ? undefined : silence)
    return new EndlessError(
      code,
      `${atStart(generationName(successor))} ${whatItDid}` +
        `${reason === undefined ? '' : `: ${reason.replace(/\.$/, '')}`}. ` +
        `${atStart(generationName(predecessor))} ${hasTakenOver ? 'takes over again' : 'still serves'}.`,
      {
        pid: successor.pid,
        exitCode: this.#exit?.code ?? null,
        signal: this.#exit?.signal ?? null,
        stderr: this.lines,
        ...(this.#fatal && { cause: reviveError(this.#fatal) }),
      },
    )
  }

  get #allLines(): string[] {
    return this.#stderr.split('\n').filter((line) => line.trim() !== '')
  }
}

function reviveError({ name, message, stack, code }: ErrorReport): Error {
  return Object.assign(new Error(message), { name, stack, ...(code !== undefined && { code }) })
}
