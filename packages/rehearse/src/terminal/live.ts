import { styleText } from 'node:util'
import type { Progress } from '../report/progress.js'
import { count, number } from '../report/verdict.js'

const barWidth = 20
const plainEveryMs = 5_000

/** A terminal, where one line stays and is redrawn; or a log, which gets a line now and then. */
export interface LiveOutput {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** Shows how far a rehearsal is: steps as lines that stay, and below them a line that is redrawn. */
export class Live {
  readonly #output: LiveOutput
  #line = ''
  #shownMs = -Infinity

  constructor(output: LiveOutput) {
    this.#output = output
  }

  /** Prints a step. */
  say(step: string): void {
    this.#erase()
    this.#output.write(`${step}\n`)
    this.#draw()
  }

  /** Shows the newest counts. */
  show(progress: Progress): void {
    if (this.#output.isTTY) {
      this.#erase()
      this.#line = this.#lineOf(progress)
      this.#draw()
    } else if (performance.now() - this.#shownMs >= plainEveryMs) {
      this.#shownMs = performance.now()
      this.#output.write(`  ${partsOf(progress).join(', ')}\n`)
    }
  }

  /** Removes the line, for the result. */
  end(): void {
    this.#erase()
    this.#line = ''
  }

  #lineOf(progress: Progress): string {
    const full = Math.round(progress.fraction * barWidth)
    const bar = '━'.repeat(full).padEnd(barWidth, '─')
    const parts = partsOf(progress)
    const line = `${bar} ${parts.join(' · ')}`
    // A line that wraps cannot be erased.
    const fitting = line.slice(0, Math.max(0, (this.#output.columns ?? 80) - 1))
    if (fitting !== line) return fitting
    const lost = parts.at(-1) ?? ''
    return (
      line.slice(0, line.length - lost.length) +
      styleText(progress.lost > 0 ? 'red' : 'green', lost)
    )
  }

  #erase(): void {
    if (this.#line !== '') this.#output.write('\r\x1b[2K')
  }

  #draw(): void {
    if (this.#line !== '') this.#output.write(this.#line)
  }
}

function partsOf(progress: Progress): string[] {
  const { elapsedMs, restart, restarts, requests, lost, answers } = progress
  return [
    `${(elapsedMs / 1_000).toFixed(0)} s`,
    `restart ${restart}/${restarts}`,
    ...answers.slice(-2).map((sum, at, { length }) => {
      const generation = answers.length - length + at
      return `generation ${generation}: ${number(sum)}`
    }),
    count(requests, 'request'),
    `${number(lost)} lost`,
  ]
}
