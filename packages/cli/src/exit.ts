import { exitStatuses } from './control/failure.js'

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
