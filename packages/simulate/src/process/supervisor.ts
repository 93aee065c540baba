import { supervisorDefaults } from '../../../cli/dist/supervisor/settings.js'
import { Supervisor, type SupervisorHost } from '../../../cli/dist/supervisor/supervisor.js'
import { withEntry } from '../../../core/dist/launch/entry.js'
import type { SimulatedProcess } from './simulated-process.js'

const signals = ['SIGHUP', 'SIGTERM', 'SIGUSR2'] as const

/** Makes a process run the supervisor of `endless run`, which starts the first generation. */
export function startSupervisor(
  process: SimulatedProcess,
  { log }: { log: (line: string) => void },
): Supervisor {
  const { system } = process
  const host: SupervisorHost = {
    logger: { info: log, warn: log, error: log },
    pid: process.pid,
    spawn: (command, args, options) => system.spawn(command, args, options),
    now: () => system.now(),
    otherUserOf: () => undefined,
    terminal: () => 'none',
    serving: () => undefined,
    restarting: () => undefined,
    restartFailed: () => undefined,
    stopping: () => undefined,
    metrics: () => Promise.resolve(''),
  }
  const supervisor = new Supervisor(host, supervisorDefaults)
  for (const signal of signals) {
    system.onSignal(signal, () => {
      supervisor.signal(signal)
    })
  }
  void supervisor.ended.then((code) => {
    process.exit(code)
  })
  const program = { command: system.execPath, args: ['/app.js'], cwd: '/', env: {} }
  const entry = {
    parent: process.pid,
    generation: 0,
    isSupervised: true,
    orphaned: 'serve',
  } as const
  const launch = withEntry(program, {
    ...entry,
    preload: undefined,
    register: undefined,
    options: undefined,
    isNode: true,
  })
  supervisor.start(launch)
  return supervisor
}
