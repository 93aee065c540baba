import { fileURLToPath } from 'node:url'
import { endAll, startProgram, type Program, type ProgramOptions } from '@endless/load'
import { afterEach } from 'vitest'

export interface FixtureOptions extends Omit<ProgramOptions, 'args'> {
  /** Options for node itself, before the program's path. */
  execArgv?: readonly string[]
  args?: readonly string[]
}

/**
 * Starts a program of test/fixtures, named with its ending. It and every generation after it are
 * ended when the test has ended.
 */
export function startFixture(name: string, options: FixtureOptions = {}): Program {
  const { execArgv = [], args = [], ...rest } = options
  const path = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
  return startProgram({ ...rest, args: [...execArgv, path, ...args] })
}

/** Starts such a program under `endless run`: the first process is the supervisor. */
export function superviseFixture(
  name: string,
  { execArgv = [], args = [], runArgs = [], ...rest }: FixtureOptions & { runArgs?: string[] } = {},
): Program {
  const path = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
  const program =
    execArgv.length === 0 ? [path, ...args] : ['--', 'node', ...execArgv, path, ...args]
  return runEndless(['run', ...runArgs, ...program], rest)
}

/** Starts the command line. */
export function runEndless(args: string[], options: Omit<ProgramOptions, 'args'> = {}): Program {
  return startProgram({ ...options, args: [endless, ...args] })
}

/** The command line, as it was built. */
export const endless = fileURLToPath(new URL('../../packages/cli/bin/endless.js', import.meta.url))

afterEach(endAll)
