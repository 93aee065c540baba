import type { EndlessOptions } from '@endless/core'
import { startFixture, type Certificate, type Program } from '../helpers/index.js'
import type { AdapterUnderTest } from './adapter.js'

export interface ProgramSettings {
  options?: EndlessOptions
  tls?: Certificate
  /** While this file exists, a generation that starts dies before it listens. */
  brokenWhile?: string
}

/** Starts an adapter's app as a program, and waits until it serves. */
export async function startSubject(
  { fixture, framework }: AdapterUnderTest,
  settings: ProgramSettings = {},
): Promise<{ program: Program; port: number }> {
  const args = [fixture, JSON.stringify({ framework, ...settings })]
  const program = startFixture('contract/program.js', { args })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs: 15_000 })
  return { program, port }
}

/** Restarts the newest generation with SIGHUP, and waits until the next one serves. */
export async function restart(program: Program): Promise<void> {
  const next = program.current.generation + 1
  program.signal('SIGHUP')
  await program.waitForGeneration(next, { deadlineMs: 15_000 })
}
