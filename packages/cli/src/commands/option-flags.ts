import { type JsonOptions, messageOf, parseJsonOptions } from '@endless/core/for-cli'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from './format.js'

// The flags of `endless run` that are options of the program, by the same names in kebab case.

interface OptionFlag {
  readonly option: keyof JsonOptions
  /** As in the help: `--hammer-time <time>`. */
  readonly flag: string
  readonly description: string
  /** Returns the value of the option; throws if the text makes no sense. */
  readonly parse?: (text: string) => unknown
  readonly choices?: readonly string[]
}

const flags: readonly OptionFlag[] = [
  {
    option: 'hammerTimeMs',
    flag: '--hammer-time <time>',
    description: 'how long a drain may take: 30s; or never (default: 60s)',
    parse: (text) => (text === 'never' ? -1 : time(text)),
  },
  {
    option: 'readyTimeoutMs',
    flag: '--ready-timeout <time>',
    description: 'how long a new process may take to get ready (default: 60s)',
    parse: time,
  },
  {
    option: 'readyProbe',
    flag: '--ready-probe <path>',
    description: 'path that must answer before a process is ready: /health',
  },
  {
    option: 'ready',
    flag: '--ready <when>',
    description: 'manual: when the program calls generation.ready()',
    choices: ['listening', 'manual'],
  },
  {
    option: 'shutdownDelayMs',
    flag: '--shutdown-delay <time>',
    description: 'how long to go on accepting after SIGTERM (default: 0)',
    parse: time,
  },
  {
    option: 'idleGraceMs',
    flag: '--idle-grace <time>',
    description: 'how long a connection must be idle before a drain closes it',
    parse: time,
  },
  {
    option: 'unclaimedGraceMs',
    flag: '--unclaimed-grace <time>',
    description: 'how long to wait for a port of the old process (default: 10s)',
    parse: time,
  },
  {
    option: 'probationMs',
    flag: '--probation <time>',
    description: 'how long the old process stays behind after a restart (default: 0s)',
    parse: time,
  },
  {
    option: 'requireWarmUp',
    flag: '--require-warm-up',
    description: 'a new process whose warm-up fails does not take over',
  },
  {
    option: 'migrateConnections',
    flag: '--no-migrate-connections',
    description: 'move no open connection to the new process',
  },
  {
    option: 'allowAddressChange',
    flag: '--allow-address-change',
    description: 'a new process may listen on other addresses alone',
  },
  {
    option: 'otherSignalListeners',
    flag: '--other-signal-listeners <way>',
    description: "listeners that are not endless's: call or hold",
    choices: ['call', 'hold'],
  },
  {
    option: 'readTimeoutMs',
    flag: '--read-timeout <time>',
    description: 'how long a request may take',
    parse: time,
  },
  {
    option: 'writeTimeoutMs',
    flag: '--write-timeout <time>',
    description: 'how long a response may take',
    parse: time,
  },
  {
    option: 'maxHeaderBytes',
    flag: '--max-header-bytes <bytes>',
    description: 'how long the header of a request may be',
    parse: positive,
  },
  {
    option: 'ticketRotationMs',
    flag: '--ticket-rotation <time>',
    description: 'how long the keys of TLS tickets live (default: 12h)',
    parse: time,
  },
  {
    option: 'socketMode',
    flag: '--socket-mode <mode>',
    description: "permissions of a Unix socket's path: 660",
  },
]

/** Adds the flags to a command. */
export function addOptionFlags(command: Command): void {
  for (const { flag, description, parse, choices } of flags) {
    const option = new Option(flag, description).helpGroup('Options of the program:')
    if (choices) option.choices(choices)
    if (parse) option.argParser(parse)
    command.addOption(option)
  }
}

/**
 * Returns the options of the program that were given as flags; `undefined` if none was. Ends the command if a value
 * makes no sense.
 */
export function optionsIn(command: Command): JsonOptions | undefined {
  const given = flags.flatMap(({ option, flag }) => {
    const attribute = new Option(flag).attributeName()
    return command.getOptionValueSource(attribute) === 'cli'
      ? [[option, command.getOptionValue(attribute)] as const]
      : []
  })
  if (given.length === 0) return undefined
  const options = Object.fromEntries(given) as JsonOptions
  try {
    parseJsonOptions(options, (name) => flagOf(name) ?? name)
  } catch (error) {
    command.error(`error: ${messageOf(error)}`)
  }
  return options
}

/** Returns the flag of an option, as people type it: `--hammer-time`. */
export function flagOf(name: string): string | undefined {
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

function positive(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number <= 0) {
    throw new InvalidArgumentError('Give a positive whole number.')
  }
  return number
}
