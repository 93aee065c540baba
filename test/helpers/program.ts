import { fileURLToPath } from 'node:url'
import { endAll, startProgram, type Program, type ProgramOptions } from '@endless/load'
import { afterEach } from 'vitest'

// Starts the programs of test/fixtures, and ends them after each test.

export interface FixtureOptions extends Omit<ProgramOptions, 'args'> {
  /** Options for node itself, before the program's path. */
  execArgv?: readonly string[]
  args?: readonly string[]
}

/**
 * Starts a program of test/fixtures by its file name. The program and all its generations are killed at
 * the end of the test.
 */
export function startFixture(name: string, options: FixtureOptions = {}): Program {
  const { execArgv = [], args = [], ...rest } = options
  const path = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
  return startProgram({ ...rest, args: [...execArgv, path, ...args] })
}

/** Starts a program of test/fixtures under `endless run`: the first process is the supervisor. */
export function superviseFixture(
  name: string,
  { execArgv = [], args = [], runArgs = [], ...rest }: FixtureOptions & { runArgs?: string[] } = {},
): Program {
  const path = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
  const program =
    execArgv.length === 0 ? [path, ...args] : ['--', 'node', ...execArgv, path, ...args]
  return runEndless(['run', ...runArgs, ...program], rest)
}

/** Starts the built command `endless`. */
export function runEndless(args: string[], options: Omit<ProgramOptions, 'args'> = {}): Program {
  return startProgram({ ...options, args: [endless, ...args] })
}

/** Path of the built command `endless`. */
export const endless = fileURLToPath(new URL('../../packages/cli/bin/endless.js', import.meta.url))

afterEach(endAll)
