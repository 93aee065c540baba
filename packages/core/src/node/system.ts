import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import cluster from 'node:cluster'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { startArguments } from './start-arguments.js'
import { type Timers, within } from './waits.js'

/** How long output that its reader does not take may hold the exit. */
const flushMs = 1_000

// As early as we can: a program may take off these what its successor needs.
const execArgv = [...process.execArgv]
const argv = startArguments(process.argv, execArgv, readCommandLine())

/** The longest that a timer of Node waits; one that is to wait longer fires at once (lib/internal/timers.js). */
export const longestDelayMs = 2_147_483_647

/** The world outside of this process, as far as endless touches it: tests put another in its place. */
export interface System extends Timers {
  readonly platform: NodeJS.Platform
  readonly pid: number
  readonly ppid: number
  readonly execPath: string
  /** Node's options as they were when the library was loaded. */
  readonly execArgv: readonly string[]
  /** What the program was started with, as far as that can be told then. */
  readonly argv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly isClusterWorker: boolean
  /** The environment that this process was started with, if the platform tells. */
  readonly startEnvironment: NodeJS.ProcessEnv | undefined
  stderr(): NodeJS.WritableStream
  cwd(): string
  now(): number
  /** The clock of the kernel, in microseconds since boot: other processes read the same. */
  monotonicUs(): bigint
  /** How much memory of this process is resident. */
  memoryBytes(): number
  /** Starts a timer. A delay above `longestDelayMs` is shortened to that: a value from outside may be larger. */
  setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout
  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess
  onSignal(signal: NodeJS.Signals, listener: () => void): void
  offSignal(signal: NodeJS.Signals, listener: () => void): void
  signalListeners(signal: NodeJS.Signals): readonly unknown[]
  /** Calls back for each listener that anybody adds to the process; answers what ends that. */
  onNewListener(callback: (event: string | symbol, listener: unknown) => void): () => void
  onExit(listener: () => void): void
  offExit(listener: () => void): void
  /**
   * Ends the process with the exit code that the application has set, or 0, once those who wait for
   * a promise that has just settled (`restart()`, `shutdown()`) have had their turn.
   */
  exit(): void
  terminal(): 'present' | 'gone' | 'none'
}

/**
 * The environment that the kernel gave this process. What the program has set itself since, or
 * `--env-file` or dotenv for it, is not in there (proc(5), /proc/pid/environ).
 */
function readStartEnvironment(): NodeJS.ProcessEnv | undefined {
  try {
    const environment: NodeJS.ProcessEnv = {}
    for (const entry of readFileSync('/proc/self/environ', 'utf8').split('\0')) {
      const at = entry.indexOf('=')
      if (at > 0) environment[entry.slice(0, at)] = entry.slice(at + 1)
    }
    // Node's own, for the channel to the predecessor; it has removed them from process.env too.
    delete environment['NODE_CHANNEL_FD']
    delete environment['NODE_CHANNEL_SERIALIZATION_MODE']
    return environment
  } catch {
    return undefined // no procfs: macOS, Windows, some sandboxes
  }
}

/** The command line of this process (proc(5), /proc/pid/cmdline). */
function readCommandLine(): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return readFileSync('/proc/self/cmdline', 'utf8')
  } catch {
    return undefined // no procfs: some sandboxes
  }
}

/** Opens the controlling terminal: ENXIO once it has been closed, and where there was none. */
function canOpenTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY))
    return true
  } catch {
    return false // none, or gone: the caller knows which by what it found at the start
  }
}

/**
 * Waits until what was written to standard output and error has left this process: a pipe whose reader
 * is slow holds it back, and `process.exit()` would throw the last lines away.
 */
async function flushOutput(): Promise<void> {
  const waiting = [process.stdout, process.stderr].filter(
    ({ writableLength, destroyed }) => writableLength > 0 && !destroyed,
  )
  const flushed = waiting.map((stream) => new Promise((resolve) => stream.write('', resolve)))
  // A reader that has stopped reading must not hold the exit for ever.
  await within(Promise.all(flushed), flushMs)
}

/** Makes the real world. Looks at the terminal once, so that a later closing is noticed. */
export function createNodeSystem(): System {
  const hadTerminal = process.platform !== 'win32' && canOpenTerminal()
  return {
    platform: process.platform,
    pid: process.pid,
    ppid: process.ppid,
    execPath: process.execPath,
    execArgv,
    argv,
    env: process.env,
    isClusterWorker: cluster.isWorker,
    startEnvironment: process.platform === 'linux' ? readStartEnvironment() : undefined,
    stderr: () => process.stderr, // made when it is first used: many programs never log
    cwd: () => process.cwd(),
    now: () => performance.now(),
    monotonicUs: () => process.hrtime.bigint() / 1_000n,
    memoryBytes: () => process.memoryUsage.rss(),
    setTimeout: (callback, delayMs) => setTimeout(callback, Math.min(delayMs, longestDelayMs)),
    spawn,
    onSignal: (signal, listener) => void process.on(signal, listener),
    offSignal: (signal, listener) => void process.off(signal, listener),
    signalListeners: (signal) => process.listeners(signal),
    onNewListener(callback) {
      process.on('newListener', callback)
      return () => void process.off('newListener', callback)
    },
    onExit: (listener) => void process.on('exit', listener),
    offExit: (listener) => void process.off('exit', listener),
    exit: () => {
      setImmediate(() => void flushOutput().then(() => process.exit()))
    },
    terminal: () => (!hadTerminal ? 'none' : canOpenTerminal() ? 'present' : 'gone'),
  }
}
