import type { EndlessError } from './endless-error.js'
import { invalidOption } from './option-checks.js'
import type { RestartOptions } from './reports.js'

// Which values the options of a restart take.

type Check = [isValid: (value: number) => boolean, expected: string]

const longestMs = 2_147_483_647

const checks: Record<'parallel' | 'probationMs' | 'maxBlockedMs' | 'maxErrors', Check> = {
  parallel: [(value) => Number.isSafeInteger(value) && value > 0, 'a positive whole number'],
  probationMs: [
    (value) => value <= longestMs,
    'a number of milliseconds, negative for until it is ended',
  ],
  maxBlockedMs: [
    (value) => value >= 0 && value <= longestMs,
    'a number of milliseconds, 0 for as long as it likes',
  ],
  maxErrors: [(value) => value >= 0 && value <= 1, 'a number from 0 to 1'],
}

/** Returns what is wrong with the options of a restart: `ERR_ENDLESS_INVALID_OPTION`. */
export function findInvalid(options: RestartOptions): EndlessError | undefined {
  for (const [name, [isValid, expected]] of Object.entries(checks)) {
    const value: unknown = options[name as keyof typeof checks]
    if (value === undefined || (Number.isFinite(value) && isValid(value as number))) continue
    return invalidOption(name, value, expected)
  }
  return undefined
}
