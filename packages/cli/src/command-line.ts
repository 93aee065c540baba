import { createRequire } from 'node:module'
import { oneLine } from '@endless/core/for-cli'
import { Command, Option } from 'commander'
import type { RestartWait } from './commands/restart.js'
import { addRehearseFlags, type RehearseLine } from './commands/rehearse-flags.js'
import { positive, share, time } from './commands/flags.js'
import { addOptionFlags, optionsIn } from './commands/option-flags.js'
import type { StatusForm, StatusText } from './commands/status.js'
import { addSupervisorFlags, supervisorOptionsOf } from './commands/supervisor-flags.js'
import { workersOf } from './commands/workers.js'
import { adviceFor } from './commands/unknown.js'
import { currentAsker } from './control/asker.js'
import { Client } from './control/client.js'
import { exitStatuses, exitWith, Failure } from './control/failure.js'
import { find, type MeantService, meansService } from './control/find.js'
import type { ServicePaths } from './control/locate.js'
import { Progress } from './control/progress.js'

// The command line of `endless`: commands, options, help texts, and what is printed at the end.

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** How wide help texts are at most, in characters. */
const helpWidth = 80

/** Options of a command that asks a service. */
type Given<Own> = ServicePaths & Own

const program = new Command('endless')
  .version(version, '-V, --version', 'show the version of endless')
  .description('Restarts a Node.js server without losing anything.')
  .enablePositionalOptions()
  .configureOutput({
    // As wide as the texts below; also in a wider terminal.
    getOutHelpWidth: () =>
      process.stdout.isTTY ? Math.min(process.stdout.columns, helpWidth) : helpWidth,
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
endless run gives a service a name: that of package.json, or of the script.
Commands find the service by this name, or without it in its directory. Where
endless run has a path, say that path: --pid-file <path> or --control <path>.
With a pid file alone, the control socket is <pid file>.sock. Commands speak to
the control socket: they never signal a process because of what a file says.

Exit status of restart, rollback, stop, scale, status and hammer:
  0  done
  1  the service refused or failed; the reason is on standard error.
     For status: nothing serves
  2  the command line makes no sense
  3  there is no such service
  4  the service cannot be asked: it belongs to another user, is not endless,
     or speaks another version of the protocol

Examples:
  $ endless run app.js
  $ endless restart                   in the same directory
  $ endless restart shop --wait drained
  $ endless status --all
  $ endless status --pid-file app.pid --json
  $ curl --unix-socket app.pid.sock http://localhost/status`,
  )

const runCommand = program
  .command('run')
  .description('run a program under a supervisor, whose pid stays')
  .argument(
    '[script]',
    'the script to run; or a command after --, such as: -- node --import tsx app.ts',
  )
  .argument('[args...]', 'arguments of the script or command')
  .option(
    '--name <name>',
    'name of the service (default: that of the nearest package.json, or of the script)',
  )
  .option(
    '--pid-file <path>',
    "file for the supervisor's pid while the service runs (default: the application's pidFile)",
  )
  .option(
    '--control <path>',
    "control socket, on which commands arrive (default: <pid file>.sock, or the application's control)",
  )
  .option('--explain', 'start nothing: show each option, its value, and where it comes from')
  .addHelpText(
    'after',
    `
SIGHUP restarts the service. SIGTERM and SIGINT (Ctrl-C) drain it, then end it.
SIGUSR2 or a second Ctrl-C cuts the drain short. A process of the service that
dies is replaced, and no client is refused in the meantime.

Options are also read from package.json, by their names in code:
{ "endless": { "workers": 4, "hammerTimeMs": 30000 } }. A flag wins over the
program's code, and the code over package.json. A time has a unit: 500ms, 30s,
5min, 1h; and so has a size: 512MB, 1.5GB.

With --pid-file or --control, and no --name, the service has no name: commands
need the same option. Each name is one service: a second one runs without a
name, and with --name it is refused.

Exits with the exit code of the application, or with 2 if the command line makes
no sense, a service of this --name runs, or one of the paths cannot be used.

Examples:
  $ endless run app.js
  $ endless run --name worker worker.js
  $ endless run --hammer-time 10s --ready-probe /health app.js
  $ endless run --pid-file app.pid -- node --import tsx app.ts --port 3000`,
  )
  .passThroughOptions()
  .action(async (script: string | undefined, args: string[], given: RunLine) => {
    const words = script === undefined ? [] : [script, ...args]
    const isCommand = process.argv.at(-words.length - 1) === '--'
    const { name, pidFile, control, explain } = given
    const supervisor = supervisorOptionsOf(runCommand)
    const options = { name, pidFile, control, supervisor, options: optionsIn(runCommand) }
    if (explain) {
      const { explainRun } = await import('./commands/explain.js')
      await print((async () => explainRun(words, isCommand, options))())
      return
    }
    const { run } = await import('./commands/run.js')
    await exitWith(run(words, isCommand, options))
  })
addSupervisorFlags(runCommand)
addOptionFlags(runCommand)

asksService('restart', 'start the new version of a service, then end the old one')
  .addOption(
    new Option(
      '--wait <until>',
      'wait until the new version serves (ready), until its probation has passed (proven), or until the old one is gone (drained)',
    )
      .choices(['ready', 'proven', 'drained', 'none'])
      .default('ready'),
  )
  .option('--no-wait', 'do not wait until the new version serves')
  .option(
    '--probation <time>',
    "how long the old version stays behind, to serve again if the new one is bad: 60s (default: the application's probationMs)",
    time,
  )
  .option(
    '--max-blocked <time>',
    'how long the event loop of a version on probation may be blocked before it is rolled back; 0s: for ever (default: 5s)',
    time,
  )
  .option(
    '--parallel <number>',
    'how many workers to replace at a time, after the first (default: as endless run says, or 1)',
    positive,
  )
  .option(
    '--check <command>',
    'a command that is run each second on probation, in this shell; if it fails twice in a row, the new version is rolled back',
  )
  .option(
    '--max-errors <share>',
    'which share of its answers may be errors (5xx) on probation, if the old version had no more: 1%',
    share,
  )
  .option('--now', 'if a version is on probation, count it as proven in place of waiting')
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

On probation, the new version is rolled back when it dies, when its event loop
is blocked, when it says so itself (generation.rollback), by endless rollback,
or by --check and --max-errors. With --wait proven, the exit status is 1 then.

With --check the command waits until the new version is proven. If the command
is broken off before (Ctrl-C), the new version is rolled back, too.

If another restart is under way, this one runs after it; if a version is on
probation, when that has passed. If nothing serves
because the program dies again and again, the program is started at once.`,
  )
  .action(async (name: string | undefined, given: Given<RestartLine>, command: Command) => {
    const { restart } = await import('./commands/restart.js')
    const progress = new Progress(process.stderr)
    const { wait, allowAddressChange = false, probation, maxBlocked, parallel, ...more } = given
    const { check, maxErrors, now = false, ...paths } = more
    if (
      check !== undefined &&
      wait !== 'proven' &&
      command.getOptionValueSource('wait') === 'cli'
    ) {
      command.error('error: --check waits until the new version is proven: leave out --wait')
    }
    const request = {
      wait: check !== undefined ? ('proven' as const) : wait === false ? ('none' as const) : wait,
      allowAddressChange,
      probationMs: probation,
      maxBlockedMs: maxBlocked,
      parallel,
      maxErrors,
      check,
      isNow: now,
    }
    await printLine(
      clientOf('restart', { ...paths, name }).then((client) => restart(client, request, progress)),
      progress,
    )
  })

program
  .command('scale')
  .description('change how many workers a service has, while it serves')
  .argument('<workers>', 'how many; max: one for each core')
  .argument('[name]', 'name of the service (default: the one of this directory)')
  .option('--pid-file <path>', 'pid file of the service; its control socket is <path>.sock')
  .option('--control <path>', 'control socket of the service')
  .addHelpText(
    'after',
    `
A worker that goes gives its open connections to the others. SIGTTIN to the
supervisor adds one worker, SIGTTOU takes one away.`,
  )
  .action(async (workers: string, name: string | undefined, paths: ServicePaths) => {
    const { scale } = await import('./commands/scale.js')
    const progress = new Progress(process.stderr)
    const asked = async (): Promise<string> => {
      const count = workersOf(workers)
      if (count === undefined) {
        throw new Failure('misused', `scale ${workers}: use a number from 1 to 1024, or max`)
      }
      return scale(await clientOf('scale', { ...paths, name }), count, progress)
    }
    await printLine(asked(), progress)
  })

asksService('rollback', 'make the old version serve again, in place of one on probation')
  .option('--reason <text>', 'why, for the log, the status and whoever waits for the restart', '')
  .addHelpText(
    'after',
    `
The old version accepts at once, and open connections move back to it. The new
one finishes its requests and ends. Exits with 1 if nothing is on probation.`,
  )
  .action(async (name: string | undefined, given: Given<{ reason: string }>) => {
    const { rollback } = await import('./commands/rollback.js')
    const { reason, ...paths } = given
    await printLine(
      clientOf('rollback', { ...paths, name }).then((client) => rollback(client, reason)),
    )
  })

asksService('stop', 'drain a service, then end it, as SIGTERM does')
  .option('--no-wait', 'do not wait until the service has ended')
  .action(async (name: string | undefined, given: Given<{ wait: boolean }>) => {
    const { stop } = await import('./commands/stop.js')
    const progress = new Progress(process.stderr)
    await printLine(
      clientOf('stop', { ...given, name }).then((client) => stop(client, given.wait, progress)),
      progress,
    )
  })

asksService('status', 'show generations, connections, the last restart and the last death')
  .option('--all', 'list the services of this user that have a name')
  .option('--explain', 'also show each option, and the servers that no restart hands over')
  .option('--json', 'print JSON for programs, as GET /status on the control socket returns it')
  .option('--watch', 'refresh it each second, until Ctrl-C; with --json, a line each time')
  .addHelpText(
    'after',
    `
Also lists all services in a directory that has nothing to do with one: where no
package.json has a name.`,
  )
  .action(async (name: string | undefined, given: Given<StatusLine>) => {
    if (given.watch) await watchStatus(name, given)
    const told = statusOf({ ...given, name }, given)
    await print(told.then(({ text }) => text))
    if (process.exitCode === undefined && !(await told).isServing) {
      process.exitCode = exitStatuses.failed
    }
  })

asksService(
  'hammer',
  'cut a drain short: destroy the connections that are left, as SIGUSR2 does',
).action(async (name: string | undefined, given: Given<object>) => {
  const { hammer } = await import('./commands/hammer.js')
  await printLine(clientOf('hammer', { ...given, name }).then(hammer))
})

addRehearseFlags(
  program
    .command('rehearse')
    .description('put load on a server, restart it, and account for every request')
    .argument('[command...]', 'after --: the command that starts the server'),
)
  .addHelpText(
    'after',
    `
Starts the server with PORT set to a free port, sends requests that are never
repeated, restarts the server, and reports what became of every request and
every connection. --url takes a server that runs already. Any HTTP server will
do, with endless or without. Is in a package of its own: @endless/rehearse.

Exits with 0 if no more was lost than the limits allow, with 1 if there was, and
with 2 if there could be no rehearsal. Ctrl-C ends it in a report.

Examples:
  $ endless rehearse -- node app.js
  $ endless rehearse --html report.html --echo /echo -- node app.js
  $ endless rehearse --url http://localhost:3000 --service shop
  $ endless rehearse --url http://localhost:3000 --restart-command 'pm2 reload app'`,
  )
  .passThroughOptions()
  .action(async (command: string[], line: RehearseLine) => {
    const { rehearse } = await import('./commands/rehearse.js')
    const rehearsed = rehearse(command, line)
    await print(rehearsed.then(({ text }) => text))
    if (process.exitCode === undefined && !(await rehearsed).passed) {
      process.exitCode = exitStatuses.failed
    }
  })

const [word = '', ...rest] = process.argv.slice(2)
const advice = adviceFor(word, rest)
if (advice === undefined) {
  await program.parseAsync()
} else {
  process.stderr.write(`endless: unknown command '${oneLine(word)}': ${oneLine(advice)}\n`)
  process.exitCode = exitStatuses.misused
}

interface RunLine {
  name?: string
  pidFile?: string
  control?: string
  explain?: boolean
}

interface StatusLine extends StatusForm {
  all?: boolean
  watch?: boolean
}

interface RestartLine {
  wait: RestartWait | false
  allowAddressChange?: boolean
  probation?: number
  maxBlocked?: number
  parallel?: number
  maxErrors?: number
  check?: string
  now?: boolean
}

function asksService(command: string, description: string): Command {
  return program
    .command(command)
    .description(description)
    .argument('[name]', 'name of the service (default: the one of this directory)')
    .option('--pid-file <path>', 'pid file of the service; its control socket is <path>.sock')
    .option('--control <path>', 'control socket of the service')
}

async function clientOf(command: string, meant: MeantService): Promise<Client> {
  const asker = currentAsker()
  return new Client(await find(meant, { command, directory: here(), asker }), asker)
}

/** Returns the directory in which the command was given; one that was deleted is nobody's. */
function here(): string {
  try {
    return process.cwd()
  } catch {
    return '/'
  }
}

/** Returns the status of the service that is meant, or the list of all. */
async function statusOf(
  meant: MeantService,
  { json, explain, all = false }: StatusLine,
): Promise<StatusText> {
  const asker = currentAsker()
  const isNothing = [meant.name, meant.pidFile, meant.control].every((each) => each === undefined)
  if (all && (explain || !isNothing)) throw new Failure('misused', 'say one service, or --all')
  const question = { command: 'status', directory: here(), asker }
  if (all || (isNothing && !explain && !(await meansService(question)))) {
    const { list } = await import('./commands/list.js')
    return list(asker, json ?? false)
  }
  const { status } = await import('./commands/status.js')
  return status(await clientOf('status', meant), { json, explain })
}

/** Shows the status until this process is ended; fails as the status does if it cannot be asked for at first. */
async function watchStatus(name: string | undefined, given: Given<StatusLine>): Promise<never> {
  const { watch } = await import('./commands/watch.js')
  const end = (): void => process.exit(exitStatuses.done)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  // Whoever has read it has ended: a pager, or head.
  process.stdout.on('error', end)
  const ask = async (): Promise<string> => (await statusOf({ ...given, name }, given)).text
  await print(watch(ask, process.stdout, given.json ?? false))
  process.exit()
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
