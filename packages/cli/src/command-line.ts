import { createRequire } from 'node:module'
import { Command, Option } from 'commander'
import type { RestartWait } from './commands/restart.js'
import type { RunOptions } from './commands/run.js'
import { Client } from './control/client.js'
import { exitStatuses, exitWith, Failure } from './control/failure.js'
import type { ServiceName } from './control/locate.js'
import { Progress } from './control/progress.js'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

const program = new Command('endless')
  .version(version, '-V, --version', 'show the version of this command')
  .description('Restarts a Node.js server without losing anything.')
  .enablePositionalOptions()
  .configureOutput({
    // As with every other reason for which a command fails.
    outputError(text, write) {
      write(text.replace(/^error: /, 'endless: '))
    },
  })
  // In front of the commands, which inherit it: Commander's own status is 1, which says "failed" here.
  .exitOverride(({ exitCode }) => {
    process.exit(exitCode === 0 ? exitStatuses.done : exitStatuses.misused)
  })
  .addHelpText(
    'after',
    `
A service is found by its pid file or by its control socket. With a pid file alone the control
socket is <pid file>.sock: a process is never signalled because of what a file says.

Exit status of restart, stop, status and hammer:
  0  it was done
  1  the service refused or failed; the reason is on standard error. Of status: nothing serves
  2  the command line makes no sense
  3  there is no such service
  4  it is another user's, not endless, or speaks another version

Examples:
  $ endless run --pid-file app.pid app.js
  $ endless restart --pid-file app.pid --wait drained
  $ endless status --control app.pid.sock --json
  $ curl --unix-socket app.pid.sock http://localhost/status`,
  )

program
  .command('run')
  .description('run a program under a supervisor, whose pid stays')
  .argument('[script]', 'the program; or after -- a command: -- node --import tsx app.js')
  .argument('[args...]', 'its arguments')
  .option(
    '--pid-file <path>',
    "write the pid of the supervisor there while the service runs (default: the application's pidFile)",
  )
  .option('--control <path>', 'listen for commands there (default: <pid file>.sock)')
  .addHelpText(
    'after',
    `
SIGHUP restarts the service, SIGTERM and SIGINT (Ctrl-C) drain and end it, a second Ctrl-C and
SIGUSR2 cut the drain short. A generation that dies is replaced; nobody is refused meanwhile.
Exits with the exit code of the application, or with 2 if it cannot begin.

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

asksService('restart', 'replace a running service by a new version of itself')
  .addOption(
    new Option('--wait <until>', 'the new version serves, or also: the old one is gone')
      .choices(['ready', 'drained', 'none'])
      .default('ready'),
  )
  .option('--no-wait', 'only ask for it')
  .addHelpText(
    'after',
    `
Exits with 0 only if the new version serves. If it fails, the old one serves on, and the reason is
on standard error. A restart that is under way is waited for, and followed by this one. While nothing
serves, since the program dies again and again, it is started at once.`,
  )
  .action(async ({ wait, ...name }: ServiceName & { wait: RestartWait | false }) => {
    const { restart } = await import('./commands/restart.js')
    const progress = new Progress(process.stderr)
    await print(restart(clientOf(name), wait === false ? 'none' : wait, progress), progress)
  })

asksService('stop', 'drain a service and end it, as SIGTERM does')
  .option('--no-wait', 'only ask for it')
  .action(async ({ wait, ...name }: ServiceName & { wait: boolean }) => {
    const { stop } = await import('./commands/stop.js')
    const progress = new Progress(process.stderr)
    await print(stop(clientOf(name), wait, progress), progress)
  })

asksService('status', 'show generations, connections, the last restart and the last death')
  .option('--json', 'for programs: as GET /status of the control socket answers', false)
  .action(async ({ json, ...name }: ServiceName & { json: boolean }) => {
    const { status } = await import('./commands/status.js')
    const told = status(clientOf(name), json)
    await print(told.then(({ text }) => text))
    if (process.exitCode === undefined && !(await told).isServing) {
      process.exitCode = exitStatuses.failed
    }
  })

asksService(
  'hammer',
  'destroy what is left of the connections of a service or a generation that drains',
).action(async (name: ServiceName) => {
  const { hammer } = await import('./commands/hammer.js')
  await print(hammer(clientOf(name)))
})

await program.parseAsync()

function asksService(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--pid-file <path>', 'the pid file of the service; its control socket is <path>.sock')
    .option('--control <path>', 'the control socket of the service')
}

function clientOf({ pidFile, control }: ServiceName): Client {
  const name = {
    ...(pidFile !== undefined && { pidFile }),
    ...(control !== undefined && { control }),
  }
  return new Client(name, { uid: process.geteuid?.() })
}

/** Prints what comes of a command, or the reason why nothing does. */
async function print(result: Promise<string>, progress?: Progress): Promise<void> {
  try {
    const text = await result
    progress?.end()
    process.stdout.write(`${text}\n`)
  } catch (error) {
    progress?.end()
    if (!(error instanceof Failure)) throw error
    for (const line of error.stderr) process.stderr.write(`  | ${line}\n`)
    process.stderr.write(`endless: ${error.message}\n`)
    process.exitCode = error.exitStatus
  }
}
