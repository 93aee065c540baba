import { constants } from 'node:os'
import { EndlessError, generationName } from '@endless/core/for-cli'

/** How a generation has ended: `{ code: 1, signal: null, error: 'TypeError: …', stderr: ['…'] }`. */
export interface Death {
  code: number | null
  signal: NodeJS.Signals | null
  /** What it died of, where it could tell. */
  error?: string | undefined
  /** The last lines that it wrote to standard error by itself. */
  stderr: string[]
}

/** The same in JSON, where what could not be told is `null`. */
type DeathReport = Omit<Death, 'error' | 'signal'> & {
  error?: string | null | undefined
  signal: string | null
}

/** `exited with code 1: TypeError: x is not a function`, or with the reason in brackets */
export function describeDeath(
  { code, signal, error, stderr }: DeathReport,
  style: 'colon' | 'brackets' = 'colon',
): string {
  const end = signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`
  const reason = error ?? stderr.at(-1)
  if (reason === undefined) return end
  return style === 'colon' ? `${end}: ${reason}` : `${end} (${reason})`
}

/** As a shell gives it: 128 and the number of the signal; 1 where nothing has run. */
export function exitCodeOf(death: Death | undefined): number {
  if (!death) return 1
  const { code, signal } = death
  if (code !== null) return code
  return 128 + (signal === null ? 0 : constants.signals[signal])
}

/** What a restart fails with whose new generation has died. */
export function failureOf(generation: { number: number; pid: number }, death: Death): EndlessError {
  const { code: exitCode, signal, stderr } = death
  return new EndlessError(
    'ERR_ENDLESS_SUCCESSOR_EXITED',
    `The new version, ${generationName(generation)}, ${describeDeath(death)}.`,
    { pid: generation.pid, exitCode, signal, stderr },
  )
}
