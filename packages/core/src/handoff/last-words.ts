import { EndlessError } from '../api/endless-error.js'
import type { Exit } from './child.js'
import { reasonOf } from './error-report.js'
import type { ErrorReport } from './protocol.js'

const keptChars = 16_384
const keptLines = 20

/** What a successor has failed at. */
export interface Failure {
  code: 'ERR_ENDLESS_SUCCESSOR_EXITED' | 'ERR_ENDLESS_READY_TIMEOUT'
  /** `exited with code 1 before it had taken over` */
  whatItDid: string
  pid: number | undefined
  hasTakenOver: boolean
}

/** What a successor says of its own end: the error that it dies of, what it writes meanwhile, how it exits. */
export class LastWords {
  #error: ErrorReport | undefined
  #stderr = ''
  #exit: Exit | undefined

  diedOf(error: ErrorReport): void {
    this.#error = error
  }

  wrote(text: string): void {
    this.#stderr = (this.#stderr + text).slice(-keptChars)
  }

  exited(exit: Exit): void {
    this.#exit = exit
  }

  /** Makes them the error of a restart. */
  explain({ code, whatItDid, pid, hasTakenOver }: Failure): EndlessError {
    const stderr = this.#stderr
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-keptLines)
    // What endless itself has logged there ("serving …") is no reason.
    const complaint = stderr.filter((line) => !line.startsWith('[endless ')).at(-1)
    const reason = this.#error ? reasonOf(this.#error) : complaint
    return new EndlessError(
      code,
      `The successor (pid ${String(pid)}) ${whatItDid}` +
        `${reason === undefined ? '' : `: ${reason.replace(/\.$/, '')}`}. ` +
        `This generation serves ${hasTakenOver ? 'again' : 'on'}.`,
      {
        pid,
        exitCode: this.#exit?.code ?? null,
        signal: this.#exit?.signal ?? null,
        stderr,
        ...(this.#error && { cause: reviveError(this.#error) }),
      },
    )
  }
}

function reviveError({ name, message, stack, code }: ErrorReport): Error {
  return Object.assign(new Error(message), { name, stack, ...(code !== undefined && { code }) })
}
