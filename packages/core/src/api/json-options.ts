import { EndlessError } from './endless-error.js'
import { describeValue, expectedOf, optionNames } from './option-checks.js'
import { nearestName } from './nearest-name.js'
import type { EndlessOptions } from './options.js'
import {
  isSupervisorOption,
  supervisorMistake,
  supervisorOptionNames,
  type SupervisorOptions,
} from './supervisor-options.js'

// Options that are written in JSON: under the key `endless` of package.json, and by the flags of `endless run`.

/** Options that need code. */
const needsCode = ['hooks', 'beforeBegin', 'logger'] as const

/** The key `endless` of a package.json: the options that JSON can express, and those of `endless run` itself. */
export type JsonOptions = SupervisorOptions &
  Omit<
    EndlessOptions,
    (typeof needsCode)[number] | 'migrateConnections' | 'socketMode' | 'warmUp'
  > & {
    migrateConnections?: boolean
    warmUp?: string[]
    /** A number, or octal digits: `"660"`. */
    socketMode?: number | string
  }

/** Returns how options under the key `endless` of a package.json are called. */
export function keysIn(file: string): (name: string) => string {
  return (name) => `${file}: ${name === '' ? 'endless' : `endless.${name}`}`
}

/** Whether JSON can express an option. */
export function isInJson(name: string): boolean {
  return !(needsCode as readonly string[]).includes(name)
}

/**
 * Checks options that come from JSON, and returns them as code gives them, without those of `endless run` itself.
 *
 * @param nameOf returns what an option is called in an error: `/srv/shop/package.json: endless.ready`; of '', all
 * of them
 * @throws `ERR_ENDLESS_INVALID_OPTION` for an unknown option or a value that makes no sense
 */
export function parseJsonOptions(value: unknown, nameOf: (name: string) => string): EndlessOptions {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${nameOf('')} is ${describeValue(value)}: expected an object of options`)
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, given]) => {
      const called = nameOf(name)
      if (!isSupervisorOption(name)) return [[name, parseOption(name, given, called)]]
      const mistake = supervisorMistake(name, given)
      if (mistake !== undefined) throw invalid(`${called} ${mistake}`)
      return []
    }),
  )
}

function parseOption(name: string, given: unknown, called: string): unknown {
  if (!optionNames.includes(name)) throw invalid(`${called} is not an option; ${hint(name)}`)
  if (!isInJson(name)) throw invalid(`${called} needs code: give it to endless()`)
  const value = name === 'socketMode' ? parseMode(given) : given
  const expected = name === 'socketMode' ? expectedMode(value) : expectedOf(name, value)
  if (expected !== undefined) {
    throw invalid(`${called} is ${describeValue(given)}: expected ${expected}`)
  }
  return value
}

function parseMode(given: unknown): unknown {
  return typeof given === 'string' && /^(?:0o?)?[0-7]{3}$/.test(given)
    ? parseInt(given.replace(/^0o/, ''), 8)
    : given
}

function expectedMode(value: unknown): string | undefined {
  return expectedOf('socketMode', value) && 'octal digits, such as "660"'
}

/** Creates an error without a stack, which would lead away from the file that the message names. */
function invalid(message: string): EndlessError {
  const error = new EndlessError('ERR_ENDLESS_INVALID_OPTION', message)
  error.stack = `${error.name}: ${message}`
  return error
}

/** Returns `did you mean hammerTimeMs?`, or all options if none is close. */
function hint(name: string): string {
  const meant = nearestName(name, [...optionNames, ...supervisorOptionNames])
  return meant === undefined
    ? `the options are ${optionNames.filter(isInJson).join(', ')}`
    : `did you mean ${meant}?`
}
