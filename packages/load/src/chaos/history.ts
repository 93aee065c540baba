/** What happened, each with the time since the beginning. */
export class History {
  readonly #beganMs = performance.now()
  readonly #entries: string[] = []

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return performance.now() - this.#beganMs
  }

  note(what: string): void {
    this.#entries.push(`${String(Math.round(this.nowMs)).padStart(7)} ms  ${what}`)
  }

  toString(): string {
    return this.#entries.join('\n')
  }
}
