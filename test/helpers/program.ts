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

afterEach(endAll)
