#!/usr/bin/env node
import { Command } from 'commander'
import type { RunOptions } from './commands/run.js'

const program = new Command('endless')
  .description('Restarts a Node.js server without losing anything.')
  .enablePositionalOptions()

program
  .command('run')
  .description('run a program under a supervisor, whose pid stays')
  .argument('[script]', 'the program; or after -- a command: -- node --import tsx app.js')
  .argument('[args...]')
  .option('--pid-file <path>', 'write the pid of the supervisor there while the service runs')
  .option('--control <path>', 'listen for commands there (default: <pid file>.sock)')
  .passThroughOptions()
  .action(async (script: string | undefined, args: string[], options: RunOptions) => {
    const { run } = await import('./commands/run.js')
    const words = script === undefined ? [] : [script, ...args]
    const isCommand = process.argv.at(-words.length - 1) === '--'
    await exitWith(run(words, isCommand, options))
  })

await program.parseAsync()

/** Exits with the code that a command gives, or, if it cannot begin, with the reason in one line. */
async function exitWith(result: Promise<number>): Promise<void> {
  try {
    process.exitCode = await result
  } catch (error) {
    process.stderr.write(`endless: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  }
  process.exit()
}
