import { type JsonOptions, messageOf, parseJsonOptions } from '@endless/core/for-cli'
import type { Command } from 'commander'
import { addFlags, type Flag, flagIn, givenFlags, positive, time } from './flags.js'

// The flags of `endless run` that are options of the program, by the same names in kebab case.

const flags: readonly Flag<keyof JsonOptions>[] = [
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
    option: 'maxGenerations',
    flag: '--max-generations <number>',
    description: 'how many processes of a service may live, old ones too (default: 5)',
    parse: positive,
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
  addFlags(command, flags, 'Options of the program:')
}

/**
 * Returns the options of the program that were given as flags; `undefined` if none was. Ends the command if a value
 * makes no sense.
 */
export function optionsIn(command: Command): JsonOptions | undefined {
  const options = givenFlags(command, flags) as JsonOptions
  if (Object.keys(options).length === 0) return undefined
  try {
    parseJsonOptions(options, (name) => flagOf(name) ?? name)
  } catch (error) {
    command.error(`error: ${messageOf(error)}`)
  }
  return options
}

/** Returns the flag of an option, as people type it: `--hammer-time`. */
export function flagOf(name: string): string | undefined {
  return flagIn(flags, name)
}
