/** A terminal's line, or the lines of a log. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined
  write(text: string): unknown
}

/** Tells what a command waits for, on standard error: at a terminal with the seconds since. */
export class Progress {
  readonly #output: ProgressOutput
  readonly #beganMs = performance.now()
  #step = ''
  #timer: NodeJS.Timeout | undefined

  constructor(output: ProgressOutput) {
    this.#output = output
  }

  /** The next step has begun. */
  step(text: string): void {
    if (text === this.#step) return
    if (!this.#output.isTTY) {
      this.#step = text
      this.#output.write(`${text}\n`)
      return
    }
    this.end()
    this.#step = text
    this.#draw()
    // Unreferenced: the answer that is waited for holds the process.
    this.#timer = setInterval(() => {
      this.#draw()
    }, 1_000).unref()
  }

  /** Clears the line for what comes of it. */
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
