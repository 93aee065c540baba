import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
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

/** Starts the built command `endless`; each run has names of its own, unless `XDG_RUNTIME_DIR` is given. */
export function runEndless(
  args: string[],
  { env, ...rest }: Omit<ProgramOptions, 'args'> = {},
): Program {
  const own = args[0] === 'run' ? { XDG_RUNTIME_DIR: runtimeDirectory() } : {}
  return startProgram({ ...rest, env: { ...own, ...env }, args: [endless, ...args] })
}

/** Creates a directory for the control sockets of named services, as a login has one. */
export function runtimeDirectory(): string {
  const directory = path.join(allRuntimeDirectories, String(++runtimeDirectories))
  mkdirSync(directory, { mode: 0o700 })
  return directory
}

let runtimeDirectories = 0
const allRuntimeDirectories = mkdtempSync(path.join(os.tmpdir(), 'endless-run-'))
// Also for a service that a test starts by another way.
process.env['XDG_RUNTIME_DIR'] = allRuntimeDirectories
process.once('exit', () => {
  rmSync(allRuntimeDirectories, { recursive: true, force: true })
})

/** Path of the built command `endless`. */
export const endless = fileURLToPath(new URL('../../packages/cli/bin/endless.js', import.meta.url))

afterEach(endAll)
