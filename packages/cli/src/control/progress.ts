import { oneLine } from '@endless/core/for-cli'

// The progress of a command, for the person who waits.

/** Output for progress: a terminal, where one line is redrawn, or a log, which gets a line for each step. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined
  write(text: string): unknown
}

/** Shows what a command waits for; at a terminal also for how many seconds it has waited. */
export class Progress {
  readonly #output: ProgressOutput
  readonly #beganMs = performance.now()
  #step = ''
  #timer: NodeJS.Timeout | undefined

  constructor(output: ProgressOutput) {
    this.#output = output
  }

  /** Shows the step that has begun. */
  step(given: string): void {
    const text = oneLine(given)
    if (text === this.#step) return
    if (!this.#output.isTTY) {
      this.#step = text
      this.#output.write(`${text}\n`)
      return
    }
    this.end()
    this.#step = text
    this.#draw()
    // Unreferenced: the request keeps the process alive.
    this.#timer = setInterval(() => {
      this.#draw()
    }, 1_000).unref()
  }

  /** Clears the line, for the result. */
  end(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#step !== '' && this.#output.isTTY) this.#output.write('\r\x1b[K')
    this.#step = ''
  }

  #draw(): void {
    const seconds = Math.floor((performance.now() - this.#beganMs) / 1_000)
    this.#output.write(`\r\x1b[K${this.#step}${seconds > 0 ? ` ${String(seconds)} s` : ''}`)
  }
}
