import { spawn } from 'node:child_process'
import {
  createNodeSystem,
  createStderrLogger,
  currentDirectory,
  findOrigin,
  openPassedSockets,
  ServiceManager,
  takeServiceVariables,
} from '@endless/core/supervision'
import { launcherAbove } from './launcher.js'
import { launchOf, namedScript } from './program.js'
import { SupervisedService } from '../supervisor/service.js'
import { Supervisor, type SupervisorSignal } from '../supervisor/supervisor.js'
import { Whereabouts } from '../supervisor/whereabouts.js'

/** What `endless run` was told. */
export interface RunOptions {
  pidFile?: string
  control?: string
}

const signals: SupervisorSignal[] = ['SIGHUP', 'SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP']

/**
 * Runs a program under a supervisor, which is this process; settles with the exit code.
 *
 * @param program a script with its arguments, or with `isCommand` a command
 * @throws {InvalidProgram} if there is no such script
 * @throws `ERR_ENDLESS_PID_FILE`, `ERR_ENDLESS_CONTROL` if the pid file or the control socket cannot be kept
 */
export async function run(
  program: string[],
  isCommand: boolean,
  options: RunOptions,
): Promise<number> {
  const system = createNodeSystem()
  // Before anything is started: it would obey them too.
  const { sockets, notify } = takeServiceVariables(system)
  const origin = findOrigin(system, '', namedScript(program, isCommand))
  const launch = launchOf(program, isCommand, currentDirectory(system, origin))
  const logger = createStderrLogger(system)
  const serviceManager =
    notify &&
    new ServiceManager(
      system,
      notify,
      () => logger,
      // One that dies is replaced, so that only one that hangs is not well.
      async () => {
        const { current } = supervisor
        if (current) await supervisor.statusOf(current).catch(() => undefined)
      },
    )
  const supervisor: Supervisor = new Supervisor(
    { logger, spawn, now: () => system.now(), terminal: () => system.terminal() },
    {
      serving: (generation) => {
        service.serving(generation)
        void whereabouts.serving(generation.wanted)
        serviceManager?.serving(generation.number, generation.pid)
      },
      restarting: () => void serviceManager?.restarting(),
      restartFailed: (reason) => serviceManager?.restartFailed(reason),
      stopping: () => serviceManager?.stopping(),
    },
  )
  const service = new SupervisedService(supervisor, system)
  const whereabouts = new Whereabouts(options, { service, pid: system.pid, logger })
  await whereabouts.claim()
  for (const signal of signals) {
    system.onSignal(signal, () => {
      supervisor.signal(signal)
    })
  }
  const launcher = launcherAbove(system.ppid)
  if (launcher !== undefined) {
    logger.warn(
      `started by ${launcher}, which does not pass every signal on: signal pid ${String(system.pid)} itself`,
    )
  }
  supervisor.start(launch, openPassedSockets(sockets, logger))
  const exitCode = await supervisor.ended
  await whereabouts.close()
  return exitCode
}
