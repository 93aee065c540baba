import { spawn } from 'node:child_process'
import {
  createNodeSystem,
  createStderrLogger,
  currentDirectory,
  findOrigin,
  type JsonOptions,
  takeServiceVariables,
} from '@endless/core/for-cli'
import { currentAsker } from '../control/asker.js'
import { namedSockets } from '../control/named-sockets.js'
import type { Front } from '../supervisor/front/front.js'
import { otherUserOf } from '../supervisor/other-user.js'
import { Supervisor, type SupervisorSignal } from '../supervisor/supervisor.js'
import { manifestOptions } from './manifest-options.js'
import { identityOf, launchOf, namedScript, programFile } from './program.js'
import { workersOf } from './workers.js'

// The command `endless run`.

/** Options of `endless run`. */
export interface RunOptions {
  name?: string | undefined
  pidFile?: string | undefined
  control?: string | undefined
  /** How many processes serve together: `4`, `max`. */
  workers?: string | undefined
  /** Flags that are options of the program. */
  options?: JsonOptions | undefined
}

const signals: SupervisorSignal[] = [
  'SIGHUP',
  'SIGTERM',
  'SIGINT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
]

/**
 * Runs a program under a supervisor, which is this process; resolves with the exit code. The signals of
 * the process are the supervisor's from then on.
 *
 * @param program a script and its arguments, or with `isCommand` a command and its arguments
 * @throws (rejects) {Failure} if there is no such script, an option makes no sense, or the service runs already
 * @throws (rejects) `ERR_ENDLESS_PID_FILE`, `ERR_ENDLESS_CONTROL` if the pid file or the control socket of
 * `options` cannot be kept
 */
export async function run(
  program: string[],
  isCommand: boolean,
  options: RunOptions,
): Promise<number> {
  const workers = workersOf(options.workers ?? '1', '--workers')
  const system = createNodeSystem()
  // Taken before anything is started: the program would obey these variables, too.
  const { sockets, notify } = takeServiceVariables(system)
  const origin = findOrigin(system, '', { script: namedScript(program, isCommand) })
  const cwd = currentDirectory(system, origin)
  const launch = launchOf(program, isCommand, cwd, options.options)
  manifestOptions(programFile(program, isCommand, cwd), cwd)
  const { name, directory } = identityOf(program, isCommand, launch.cwd)
  const paths = { pidFile: options.pidFile, control: options.control }
  const isByPath = paths.pidFile !== undefined || paths.control !== undefined
  const place = {
    name: options.name ?? (isByPath ? undefined : name),
    isNameChosen: options.name !== undefined,
    directory,
    ...paths,
  }
  const logger = createStderrLogger(system)
  const supervisor: Supervisor = new Supervisor(
    {
      logger,
      pid: system.pid,
      spawn,
      now: () => system.now(),
      otherUserOf,
      terminal: () => system.terminal(),
      serving: (generation) => void loading.then((front) => front.serving(generation)),
      restarting: () => void loading.then((front) => front.restarting()),
      restartFailed: (reason) => void loading.then((front) => front.restartFailed(reason)),
      stopping: () => void loading.then((front) => front.stopping()),
      metrics: () => loading.then((front) => front.metrics()),
    },
    workers,
  )
  // Loaded while the program starts, which takes longer.
  const loading: Promise<Front> = import('../supervisor/front/front.js').then(
    ({ Front }) => new Front(supervisor, place, notify, { system, logger }),
  )
  const claiming = loading.then((front) => front.claim())
  const isNameFree =
    place.name === undefined || namedSockets(currentAsker(), place.name).length === 0
  if (isByPath || !isNameFree) await claiming
  // A service of this name was started at the same moment.
  claiming.catch(() => {
    supervisor.signal('SIGTERM')
  })
  const listeners = sockets.length > 0 ? (await loading).open(sockets) : []
  for (const signal of signals) {
    system.onSignal(signal, () => {
      supervisor.signal(signal)
    })
  }
  supervisor.start(launch, listeners)
  const front = await loading
  front.warnOfLauncher()
  const exitCode = await supervisor.ended
  await claiming
  await front.close()
  return exitCode
}
