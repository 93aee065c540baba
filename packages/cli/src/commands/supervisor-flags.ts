import type { SupervisorOptions } from '@endless/core/for-cli'
import { type Command, InvalidArgumentError } from 'commander'
import { addFlags, type Flag, flagIn, givenFlags, positive, time } from './flags.js'
import { parseBytes } from './format.js'
import { workersOf } from './workers.js'

// The flags of `endless run` that are options of the supervisor.

const flags: readonly Flag<keyof SupervisorOptions>[] = [
  {
    option: 'workers',
    flag: '--workers <number>',
    description:
      'processes that serve together, on the same sockets; max: one for each core (default: 1)',
    parse: workers,
  },
  {
    option: 'parallel',
    flag: '--parallel <number>',
    description: 'how many workers a restart replaces at a time, after the first (default: 1)',
    parse: positive,
  },
  {
    option: 'balance',
    flag: '--no-balance',
    description: 'move no connection from one worker to another',
  },
  {
    option: 'maxBlockedMs',
    flag: '--max-blocked <time>',
    description: 'how long an event loop may be blocked before its process is replaced: 30s',
    parse: time,
  },
  {
    option: 'maxMemoryBytes',
    flag: '--max-memory <size>',
    description: 'restart a process that takes more memory: 512MB',
    parse: size,
  },
  {
    option: 'maxAgeMs',
    flag: '--max-age <time>',
    description: 'restart a process that is older: 12h',
    parse: time,
  },
]

/** Adds the flags to a command. */
export function addSupervisorFlags(command: Command): void {
  addFlags(command, flags)
}

/** Returns the options of the supervisor that were given as flags. */
export function supervisorOptionsOf(command: Command): SupervisorOptions {
  return givenFlags(command, flags) as SupervisorOptions
}

/** Returns the flag of an option, as people type it: `--max-memory`. */
export function supervisorFlagOf(name: string): string | undefined {
  return flagIn(flags, name)
}

function workers(text: string): number {
  const count = workersOf(text)
  if (count === undefined) throw new InvalidArgumentError('Use a number from 1 to 1024, or max.')
  return count
}

function size(text: string): number {
  const bytes = parseBytes(text)
  if (bytes === undefined) throw new InvalidArgumentError('A size has a unit: 512MB, 1.5GB.')
  return bytes
}
