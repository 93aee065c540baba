import { EndlessError } from './endless-error.js'
import { hookSignals, type HookSignal } from './hooks.js'
import type { Logger } from './logger.js'
import type { EndlessOptions, ProcessOptions, ServerOptions } from './options.js'

// Which options there are, which values they take, and how those of several servers add up.

type Check = (value: unknown) => string | undefined

const milliseconds: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 2_147_483_647
    ? undefined
    : 'a number of milliseconds from 0 to 2147483647'

const isInteger = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32

const isText = (value: unknown): boolean => typeof value === 'string'

/** Whether a value is the path of a request, as it is written there. */
const isPath = (value: unknown): boolean =>
  typeof value === 'string' && /^\/[\x21-\x7e]*$/.test(value)

/** What each part of the option `successor` may be. */
const partsOfStart: Record<string, ((value: unknown) => boolean) | undefined> = {
  command: isText,
  args: (value) => Array.isArray(value) && value.every(isText),
  cwd: isText,
  env: (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
}

const checks: Record<keyof EndlessOptions, Check> = {
  hammerTimeMs: (value) =>
    typeof value === 'number' && value <= 2_147_483_647
      ? undefined
      : 'a number of milliseconds, negative for never',
  idleGraceMs: milliseconds,
  migrateConnections: (value) =>
    typeof value === 'boolean' || typeof value === 'function'
      ? undefined
      : 'true, false or a function of the socket',
  readTimeoutMs: milliseconds,
  writeTimeoutMs: milliseconds,
  ticketRotationMs: milliseconds,
  maxHeaderBytes: (value) =>
    Number.isSafeInteger(value) && (value as number) > 0 ? undefined : 'a positive integer',
  socketMode: (value) =>
    isInteger(value) && value <= 0o777 ? undefined : 'an integer from 0 to 0o777',
  socketOwner: (value) =>
    value !== null &&
    typeof value === 'object' &&
    Object.entries(value).every(([key, id]) => ['uid', 'gid'].includes(key) && isInteger(id))
      ? undefined
      : 'an object of { uid, gid }, both integers',
  hooks: (value) =>
    value !== null && typeof value === 'object'
      ? undefined
      : 'an object such as { before: { SIGHUP: hook } }',
  readyProbe: (value) => (isPath(value) ? undefined : "a path such as '/health'"),
  warmUp: (value) =>
    typeof value === 'function' || (Array.isArray(value) && value.every(isPath))
      ? undefined
      : "a list of paths such as ['/'], or a function",
  requireWarmUp: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  beforeBegin: (value) => (typeof value === 'function' ? undefined : 'a function'),
  readyTimeoutMs: milliseconds,
  ready: (value) =>
    value === 'listening' || value === 'manual' ? undefined : "'listening' or 'manual'",
  unclaimedGraceMs: milliseconds,
  allowAddressChange: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  probationMs: (value) =>
    typeof value === 'number' && value <= 2_147_483_647
      ? undefined
      : 'a number of milliseconds, negative for until it is ended',
  maxGenerations: (value) =>
    Number.isSafeInteger(value) && (value as number) >= 2 ? undefined : 'an integer of at least 2',
  shutdownDelayMs: milliseconds,
  pidFile: (value) => (typeof value === 'string' && value !== '' ? undefined : 'a path'),
  control: (value) => (typeof value === 'string' && value !== '' ? undefined : 'a path'),
  signals: (value) =>
    Array.isArray(value) && value.every((each) => hookSignals.includes(each as HookSignal))
      ? undefined
      : `a list of ${hookSignals.join(', ')}`,
  otherSignalListeners: (value) =>
    value === 'call' || value === 'hold' ? undefined : "'call' or 'hold'",
  successor: (value) =>
    value !== null &&
    typeof value === 'object' &&
    Object.entries(value).every(([key, part]) => part === undefined || partsOfStart[key]?.(part))
      ? undefined
      : 'an object of { command, args, cwd, env }',
  exit: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  logger: (value) =>
    (['info', 'warn', 'error'] as const).every(
      (method) => typeof (value as Logger | null)?.[method] === 'function',
    )
      ? undefined
      : 'an object with info, warn and error',
}

const processOptionNames = [
  'readyTimeoutMs',
  'ready',
  'unclaimedGraceMs',
  'allowAddressChange',
  'probationMs',
  'maxGenerations',
  'shutdownDelayMs',
  'pidFile',
  'control',
  'signals',
  'otherSignalListeners',
  'successor',
  'exit',
  'logger',
] as const satisfies readonly (keyof ProcessOptions)[]

/** The names of all options. */
export const optionNames: readonly string[] = Object.keys(checks).sort()

/** Returns what is expected of an option in place of a value; `undefined` if the value makes sense. */
export function expectedOf(name: string, value: unknown): string | undefined {
  return checks[name as keyof EndlessOptions](value)
}

/** Whether an option is the process's, and not a server's. */
export function isProcessOption(name: string): boolean {
  return (processOptionNames as readonly string[]).includes(name)
}

/**
 * Checks options and splits them into those of the server and those of the process; `undefined` means not
 * given.
 *
 * @throws `ERR_ENDLESS_INVALID_OPTION` for an unknown option or a value that makes no sense
 */
export function parseOptions(options: EndlessOptions = {}): {
  server: ServerOptions
  process: ProcessOptions
} {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw invalidOption('options', options, 'an object')
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (!Object.hasOwn(checks, name)) {
      throw new EndlessError(
        'ERR_ENDLESS_INVALID_OPTION',
        `Unknown option '${name}': the options are ${optionNames.join(', ')}.`,
      )
    }
    const expected = expectedOf(name, value)
    if (expected !== undefined) throw invalidOption(name, value, expected)
  }
  return {
    server: Object.fromEntries(given.filter(([name]) => !isProcessOption(name))),
    process: Object.fromEntries(given.filter(([name]) => isProcessOption(name))),
  }
}

/** Creates the error for an option whose value makes no sense. */
export function invalidOption(name: string, value: unknown, expected: string): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_INVALID_OPTION',
    `The option '${name}' is ${describeValue(value)}: expected ${expected}.`,
  )
}

/** Describes a value in one line; says nothing of what is in an object, which may be secret. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function'
  if (value !== null && typeof value === 'object') {
    return Array.isArray(value) ? `[${value.map(String).join(', ')}]` : 'an object'
  }
  return String(value)
}

/**
 * Adds the process options of one server to those that the others gave.
 *
 * @throws `ERR_ENDLESS_OPTION_CONFLICT` if two values differ
 */
export function mergeProcessOptions(known: ProcessOptions, added: ProcessOptions): ProcessOptions {
  for (const name of processOptionNames) {
    if (name in known && name in added && !isSame(known[name], added[name])) {
      throw new EndlessError(
        'ERR_ENDLESS_OPTION_CONFLICT',
        `The option '${name}' belongs to the process, but two servers give it different values: ` +
          `${describeValue(known[name])} and ${describeValue(added[name])}. Give it once, or the same value twice.`,
      )
    }
  }
  return { ...known, ...added }
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  const isPlain = (value: unknown): boolean =>
    value !== null &&
    typeof value === 'object' &&
    (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)
  // Objects with functions (loggers) are compared by identity alone: JSON drops functions.
  return isPlain(a) && isPlain(b) && !hasFunction(a) && JSON.stringify(a) === JSON.stringify(b)
}

function hasFunction(value: unknown): boolean {
  return Object.values(value as object).some((each) => typeof each === 'function')
}
