import { describeValue } from './option-checks.js'

// The options of `endless run` itself, which belong to no process of the program.

/** What the key `endless` of a package.json may also say to `endless run`. */
export interface SupervisorOptions {
  /** How many processes serve together; `'max'`: one for each core. @default 1 */
  workers?: number | 'max'
  /** How many workers a restart replaces at a time, once it has replaced the first. @default 1 */
  parallel?: number
  /** Whether idle connections move until each worker has about as many as the others. @default true */
  balance?: boolean
  /** How long the event loop of a process may be blocked, in ms, before it is replaced; 0: for ever. @default 0 */
  maxBlockedMs?: number
  /** Resident memory in bytes, beyond which a process is restarted; 0: no limit. @default 0 */
  maxMemoryBytes?: number
  /** Age in ms, beyond which a process is restarted; 0: no limit. @default 0 */
  maxAgeMs?: number
}

/** Returns what is expected in place of a value; `undefined` if it makes sense. */
type Check = (value: unknown) => string | undefined

/** The most workers of a service. */
export const mostWorkers = 1_024

const isWhole = (value: unknown, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most

const limit =
  (unit: string): Check =>
  (value) =>
    Number.isFinite(value) && (value as number) >= 0 ? undefined : `a number of ${unit}, 0 for none`

const checks: Record<keyof SupervisorOptions, Check> = {
  workers: (value) =>
    value === 'max' || isWhole(value, 1, mostWorkers)
      ? undefined
      : `a number from 1 to ${String(mostWorkers)}, or 'max'`,
  parallel: (value) =>
    isWhole(value, 1, mostWorkers) ? undefined : `a number from 1 to ${String(mostWorkers)}`,
  balance: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  maxBlockedMs: limit('milliseconds'),
  maxMemoryBytes: limit('bytes'),
  maxAgeMs: limit('milliseconds'),
}

export const supervisorOptionNames: readonly string[] = Object.keys(checks)

export function isSupervisorOption(name: string): name is keyof SupervisorOptions {
  return Object.hasOwn(checks, name)
}

/** Returns why a value makes no sense for an option of a supervisor: `is 0: expected …`; `undefined` if it does. */
export function supervisorMistake(
  name: keyof SupervisorOptions,
  value: unknown,
): string | undefined {
  const expected = checks[name](value)
  return expected === undefined ? undefined : `is ${describeValue(value)}: expected ${expected}`
}

/** Returns the options of a supervisor among others that were checked. */
export function supervisorOptionsIn(options: object): SupervisorOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => isSupervisorOption(name)))
}
