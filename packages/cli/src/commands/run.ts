import { spawn } from 'node:child_process'
import {
  createNodeSystem,
  createStderrLogger,
  currentDirectory,
  findOrigin,
  PidFile,
  preloadUrl,
  withPreload,
  type SpawnRequest,
} from '@endless/core/supervision'
import { Supervisor, type SupervisorSignal } from '../supervisor/supervisor.js'

/** What `endless run` was told. */
export interface RunOptions {
  pidFile?: string
}

const signals: SupervisorSignal[] = ['SIGHUP', 'SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP']

/**
 * Runs a program under a supervisor, which is this process; settles with the exit code.
 *
 * @param program a script with its arguments, or with `isCommand` a command
 */
export async function run(
  program: string[],
  isCommand: boolean,
  options: RunOptions,
): Promise<number> {
  const system = createNodeSystem()
  const logger = createStderrLogger(system)
  const pidFile =
    options.pidFile === undefined ? undefined : new PidFile(options.pidFile, system.pid)
  const supervisor = new Supervisor(
    { logger, spawn, now: () => system.now(), terminal: () => system.terminal() },
    {
      serving: () => {
        pidFile?.write()
      },
      restarting: () => undefined,
      stopping: () => undefined,
    },
  )
  for (const signal of signals) {
    system.onSignal(signal, () => {
      supervisor.signal(signal)
    })
  }
  const cwd = currentDirectory(system, findOrigin(system, ''))
  supervisor.start(launchOf(program, isCommand, cwd))
  const exitCode = await supervisor.ended
  pidFile?.remove()
  return exitCode
}

function launchOf(program: string[], isCommand: boolean, cwd: string): SpawnRequest {
  const [command, ...args] = isCommand ? program : [process.execPath, ...program]
  return {
    // The `node` that runs this, whatever PATH says.
    command: command === 'node' ? process.execPath : (command ?? process.execPath),
    args,
    cwd,
    env: withPreload(process.env, preloadUrl(process.pid)),
  }
}
