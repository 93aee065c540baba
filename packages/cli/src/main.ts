#!/usr/bin/env node
import { Command } from 'commander'

const program = new Command('endless')
  .description('Restarts a Node.js server without losing anything.')
  .enablePositionalOptions()

program
  .command('run')
  .description('run a program under a supervisor, whose pid stays')
  .argument('[script]', 'the program; or after -- a command: -- node --import tsx app.js')
  .argument('[args...]')
  .option('--pid-file <path>', 'write the pid of the supervisor there while the service runs')
  .passThroughOptions()
  .action(async (script: string, args: string[], options: { pidFile?: string }) => {
    const { run } = await import('./commands/run.js')
    const isCommand = process.argv.includes('--')
    process.exitCode = await run([script, ...args], isCommand, options)
    process.exit()
  })

await program.parseAsync()
