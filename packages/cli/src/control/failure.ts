/** What a command's exit status says. */
export const exitStatuses = {
  /** It was done. */
  done: 0,
  /** The service has refused it or failed to do it, and says why. */
  failed: 1,
  /** The command line makes no sense. */
  misused: 2,
  /** There is no service. */
  absent: 3,
  /** Who is there cannot be asked: another user's, not endless, or another version of the protocol. */
  foreign: 4,
} as const

/** Why a command ends without success, in one line. */
export class Failure extends Error {
  readonly exitStatus: number
  /** Last lines that a new version has written to standard error. */
  readonly stderr: readonly string[]

  constructor(why: keyof typeof exitStatuses, message: string, stderr: readonly string[] = []) {
    super(message)
    this.exitStatus = exitStatuses[why]
    this.stderr = stderr
  }
}

/** Exits with the code that a command gives, or, if it cannot begin, with the reason in one line. */
export async function exitWith(result: Promise<number>): Promise<void> {
  try {
    process.exitCode = await result
  } catch (error) {
    process.stderr.write(`endless: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = exitStatuses.misused
  }
  process.exit()
}
