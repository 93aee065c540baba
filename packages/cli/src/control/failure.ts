import { messageOf, oneLine } from '@endless/core/for-cli'

// How a command fails: its exit status, and the line that says why.

/** Exit statuses of the commands. */
export const exitStatuses = {
  done: 0,
  /** The service refused the request or failed, and says why. */
  failed: 1,
  /** The command line makes no sense. */
  misused: 2,
  /** There is no such service. */
  absent: 3,
  /** The service belongs to another user, is not endless, or speaks another version of the protocol. */
  foreign: 4,
} as const

/** Failure of a command; the message says why in one line. */
export class Failure extends Error {
  readonly exitStatus: number
  /** Last lines that a new version wrote to standard error. */
  readonly stderr: readonly string[]

  constructor(why: keyof typeof exitStatuses, message: string, stderr: readonly string[] = []) {
    super(message)
    this.exitStatus = exitStatuses[why]
    this.stderr = stderr
  }
}

/** Exits with the code that the promise resolves with; if it rejects, prints the reason and exits with 2. */
export async function exitWith(result: Promise<number>): Promise<void> {
  try {
    process.exitCode = await result
  } catch (error) {
    process.stderr.write(`endless: ${oneLine(messageOf(error))}\n`)
    process.exitCode = exitStatuses.misused
  }
  process.exit()
}
