import { spawn } from 'node:child_process'
import { deferred } from '../program/until.js'

/** How long a command may take: as long as the slowest restarts of all, one after the other. */
const longestMs = 60_000
/** What `endless restart --wait drained` says when the restart has succeeded. */
const servesNow = 'the new generation serves'

export interface CommandResult {
  /** `null` if it took too long, and was killed. */
  code: number | null
  said: string
}

/** One run of the command `endless`. */
export class Command {
  readonly #done = deferred<undefined>()
  readonly #ended = deferred<CommandResult>()

  constructor(endless: string, [name = '', ...rest]: readonly string[], pidFile: string) {
    const args = [endless, name, '--pid-file', pidFile, ...rest]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: longestMs,
      killSignal: 'SIGKILL',
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes(servesNow)) this.#done.resolve(undefined)
      })
    }
    child.on('close', (code) => {
      this.#done.resolve(undefined)
      this.#ended.resolve({ code, said })
    })
  }

  /**
   * Settles when the service has done what it was told to: this may then wait for the end of a generation.
   */
  get done(): Promise<undefined> {
    return this.#done.promise
  }

  get ended(): Promise<CommandResult> {
    return this.#ended.promise
  }
}
