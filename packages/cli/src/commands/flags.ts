import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from './format.js'

// Flags of `endless run`: each is an option by the same name in kebab case.

export interface Flag<Name extends string> {
  readonly option: Name
  /** As in the help: `--hammer-time <time>`. */
  readonly flag: string
  readonly description: string
  /** Returns the value of the option; throws if the text makes no sense. */
  readonly parse?: (text: string) => unknown
  readonly choices?: readonly string[]
}

/**
 * Adds flags to a command.
 *
 * @param group the heading of these flags in the help
 */
export function addFlags(
  command: Command,
  flags: readonly Flag<string>[],
  group = 'Options:',
): void {
  for (const { flag, description, parse, choices } of flags) {
    const option = new Option(flag, description).helpGroup(group)
    if (choices) option.choices(choices)
    if (parse) option.argParser(parse)
    command.addOption(option)
  }
}

/** Returns the options that were given as flags, by their names. */
export function givenFlags<Name extends string>(
  command: Command,
  flags: readonly Flag<Name>[],
): Partial<Record<Name, unknown>> {
  return Object.fromEntries(
    flags.flatMap(({ option, flag }) => {
      const attribute = new Option(flag).attributeName()
      return command.getOptionValueSource(attribute) === 'cli'
        ? [[option, command.getOptionValue(attribute)] as const]
        : []
    }),
  ) as Partial<Record<Name, unknown>>
}

/** Returns the flag of an option, as people type it: `--hammer-time`. */
export function flagIn(flags: readonly Flag<string>[], name: string): string | undefined {
  return flags.find(({ option }) => option === name)?.flag.split(' ')[0]
}

/**
 * Returns a time in ms: `500ms`, `30s`, `5min`, `1h`.
 *
 * @throws InvalidArgumentError, which commander turns into a message
 */
export function time(text: string): number {
  const durationMs = parseDuration(text)
  if (durationMs === undefined) {
    throw new InvalidArgumentError('A time has a unit: 500ms, 30s, 5min, 1h.')
  }
  return durationMs
}

/**
 * Returns a share from 0 to 1: `5%`, `0.1%`.
 *
 * @throws InvalidArgumentError, which commander turns into a message
 */
export function share(text: string): number {
  const [, percent] = /^(\d+(?:\.\d+)?)\s*%$/.exec(text) ?? []
  if (percent === undefined || Number(percent) > 100) {
    throw new InvalidArgumentError('A share is a percentage: 5%, 0.1%.')
  }
  return Number(percent) / 100
}

/** @throws InvalidArgumentError, which commander turns into a message */
export function positive(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number <= 0) {
    throw new InvalidArgumentError('Give a positive whole number.')
  }
  return number
}
