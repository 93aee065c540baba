import { constants } from 'node:os'
import { atStart, EndlessError, generationName } from '@endless/core/for-cli'

// The end of a generation: as text, as an exit code and as an error.

/** How a generation ended: `{ code: 1, signal: null, error: 'TypeError: …', stderr: ['…'] }`. */
export interface Death {
  code: number | null
  signal: NodeJS.Signals | null
  /** Error that it died of, if it could report one. */
  error?: string | undefined
  /** Last lines that it wrote to standard error from JavaScript. */
  stderr: string[]
}

/** The same in JSON, where an unknown error is `null`. */
type DeathReport = Omit<Death, 'error' | 'signal'> & {
  error?: string | null | undefined
  signal: string | null
}

/** Formats `exited with code 1: TypeError: x is not a function`, or with the reason in brackets. */
export function describeDeath(
  { code, signal, error, stderr }: DeathReport,
  style: 'colon' | 'brackets' = 'colon',
): string {
  const end = signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`
  const reason = error ?? stderr.at(-1)
  if (reason === undefined) return end
  return style === 'colon' ? `${end}: ${reason}` : `${end} (${reason})`
}

/** Returns the exit code that a shell would: 128 plus the number of a signal; 1 if nothing has run. */
export function exitCodeOf(death: Death | undefined): number {
  if (!death) return 1
  const { code, signal } = death
  if (code !== null) return code
  return 128 + (signal === null ? 0 : constants.signals[signal])
}

/**
 * Whether a process that was to end has done so itself: with 0, or as programs end that catch SIGTERM and then say
 * that it was the reason (128 and its number: Next).
 */
export function isByItself({ code }: Death): boolean {
  return code === 0 || code === 128 + constants.signals.SIGTERM
}

/** Creates the error of a restart whose new generation died. */
export function failureOf(generation: { number: number; pid: number }, death: Death): EndlessError {
  const { code: exitCode, signal, stderr } = death
  return new EndlessError(
    'ERR_ENDLESS_SUCCESSOR_EXITED',
    `${atStart(generationName(generation))} ${describeDeath(death)}.`,
    { pid: generation.pid, exitCode, signal, stderr },
  )
}
