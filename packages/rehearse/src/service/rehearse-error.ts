/** Why there can be no rehearsal; the message says it in one line. */
export class RehearseError extends Error {
  /** The last lines that the server printed. */
  readonly output: readonly string[]

  constructor(message: string, output: readonly string[] = []) {
    super(message)
    this.name = 'RehearseError'
    this.output = output
  }
}
