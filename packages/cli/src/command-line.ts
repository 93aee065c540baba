import { createRequire } from 'node:module'
import { oneLine } from '@endless/core/for-cli'
import { Command, Option } from 'commander'
import type { RestartWait } from './commands/restart.js'
import type { RunOptions } from './commands/run.js'
import { Client } from './control/client.js'
import { exitStatuses, exitWith, Failure } from './control/failure.js'
import type { ServiceName } from './control/locate.js'
import { Progress } from './control/progress.js'

// The command line of `endless`: commands, options, help texts, and what is printed at the end.

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

const program = new Command('endless')
  .version(version, '-V, --version', 'show the version of endless')
  .description('Restarts a Node.js server without losing anything.')
  .enablePositionalOptions()
  .configureOutput({
    // Begins errors of the command line as all other errors begin.
    outputError(text, write) {
      write(text.replace(/^error: /, 'endless: '))
    },
  })
  // Stands before the commands, which inherit it. Commander itself exits with 1, which means "failed" here.
  .exitOverride(({ exitCode }) => {
    process.exit(exitCode === 0 ? exitStatuses.done : exitStatuses.misused)
  })
  .addHelpText(
    'after',
    `
Name a service by its pid file (--pid-file) or its control socket (--control).
With a pid file alone, the control socket is <pid file>.sock. Commands speak to
the control socket: they never signal a process because of what a file says.

Exit status of restart, stop, status and hammer:
  0  done
  1  the service refused or failed; the reason is on standard error.
     For status: nothing serves
  2  the command line makes no sense
  3  there is no such service
  4  the service cannot be asked: it belongs to another user, is not endless,
     or speaks another version of the protocol

Examples:
  $ endless run --pid-file app.pid app.js
  $ endless restart --pid-file app.pid --wait drained
  $ endless status --control app.pid.sock --json
  $ curl --unix-socket app.pid.sock http://localhost/status`,
  )

program
  .command('run')
  .description('run a program under a supervisor, whose pid stays')
  .argument(
    '[script]',
    'the script to run; or a command after --, such as: -- node --import tsx app.ts',
  )
  .argument('[args...]', 'arguments of the script or command')
  .option(
    '--pid-file <path>',
    "file for the supervisor's pid while the service runs (default: the application's pidFile)",
  )
  .option(
    '--control <path>',
    "control socket, on which commands arrive (default: <pid file>.sock, or the application's control)",
  )
  .addHelpText(
    'after',
    `
SIGHUP restarts the service. SIGTERM and SIGINT (Ctrl-C) drain it, then end it.
SIGUSR2 or a second Ctrl-C cuts the drain short. A process of the service that
dies is replaced, and no client is refused in the meantime.

Exits with the exit code of the application, or with 2 if the command line makes
no sense or one of its paths cannot be used.

Examples:
  $ endless run app.js
  $ endless run --pid-file app.pid -- node --import tsx app.ts --port 3000`,
  )
  .passThroughOptions()
  .action(async (script: string | undefined, args: string[], options: RunOptions) => {
    const { run } = await import('./commands/run.js')
    const words = script === undefined ? [] : [script, ...args]
    const isCommand = process.argv.at(-words.length - 1) === '--'
    await exitWith(run(words, isCommand, options))
  })

asksService('restart', 'start the new version of a service, then end the old one')
  .addOption(
    new Option(
      '--wait <until>',
      'wait until the new version serves (ready), or also until the old one is gone (drained)',
    )
      .choices(['ready', 'drained', 'none'])
      .default('ready'),
  )
  .option('--no-wait', 'do not wait until the new version serves')
  .option(
    '--allow-address-change',
    'succeed even if the new version listens on none of the addresses of the old one',
  )
  .addHelpText(
    'after',
    `
Unless told not to wait, exits with 0 only if the new version serves. If it
fails, the old version keeps serving, and the reason is on standard error.

The new version must listen on one of the addresses of the old one at least. On
which it does not is part of the result.

If another restart is under way, this one runs after it. If nothing serves
because the program dies again and again, the program is started at once.`,
  )
  .action(async ({ wait, allowAddressChange = false, ...name }: RestartLine) => {
    const { restart } = await import('./commands/restart.js')
    const progress = new Progress(process.stderr)
    const request = { wait: wait === false ? ('none' as const) : wait, allowAddressChange }
    await printLine(restart(clientOf(name), request, progress), progress)
  })

asksService('stop', 'drain a service, then end it, as SIGTERM does')
  .option('--no-wait', 'do not wait until the service has ended')
  .action(async ({ wait, ...name }: ServiceName & { wait: boolean }) => {
    const { stop } = await import('./commands/stop.js')
    const progress = new Progress(process.stderr)
    await printLine(stop(clientOf(name), wait, progress), progress)
  })

asksService('status', 'show generations, connections, the last restart and the last death')
  .option('--json', 'print JSON for programs, as GET /status on the control socket returns it')
  .action(async ({ json = false, ...name }: ServiceName & { json?: boolean }) => {
    const { status } = await import('./commands/status.js')
    const told = status(clientOf(name), json)
    await print(told.then(({ text }) => text))
    if (process.exitCode === undefined && !(await told).isServing) {
      process.exitCode = exitStatuses.failed
    }
  })

asksService(
  'hammer',
  'cut a drain short: destroy the connections that are left, as SIGUSR2 does',
).action(async (name: ServiceName) => {
  const { hammer } = await import('./commands/hammer.js')
  await printLine(hammer(clientOf(name)))
})

await program.parseAsync()

type RestartLine = ServiceName & { wait: RestartWait | false; allowAddressChange?: boolean }

function asksService(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--pid-file <path>', 'pid file of the service; its control socket is <path>.sock')
    .option('--control <path>', 'control socket of the service')
}

function clientOf({ pidFile, control }: ServiceName): Client {
  const name = {
    ...(pidFile !== undefined && { pidFile }),
    ...(control !== undefined && { control }),
  }
  return new Client(name, { uid: process.geteuid?.() })
}

/** Prints the line that a command returns. All that a service reports about itself is text of others. */
function printLine(result: Promise<string>, progress?: Progress): Promise<void> {
  return print(
    result.then((line) => oneLine(line)),
    progress,
  )
}

/** Prints the result of a command, which is safe to print, or why it failed; sets the exit status. */
async function print(result: Promise<string>, progress?: Progress): Promise<void> {
  try {
    const text = await result
    progress?.end()
    process.stdout.write(`${text}\n`)
  } catch (error) {
    progress?.end()
    if (!(error instanceof Failure)) throw error
    for (const line of error.stderr) process.stderr.write(`  | ${oneLine(line)}\n`)
    process.stderr.write(`endless: ${oneLine(error.message)}\n`)
    process.exitCode = error.exitStatus
  }
}
