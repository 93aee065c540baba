import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import cluster from 'node:cluster'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { isMainThread } from 'node:worker_threads'
import { type HeldListeners, holdListeners } from './held-listeners.js'
import { mayHaveRunAt } from './process-age.js'
import { registerRecord } from './register-record.js'
import { startArguments } from './start-arguments.js'
import { type Timers, within } from './waits.js'

// The outside world as one object, so that tests can replace it: this process, its timers, its children.

/** How long output that is not read may delay the exit. */
const flushMs = 1_000

// Copied as early as possible: a program may remove from them what its successor needs. The preload `register`
// has copied them before the program's first line.
const record = registerRecord()
const execArgv = [...(record?.execArgv ?? process.execArgv)]
const argv = record ? [...record.argv] : startArguments(process.argv, execArgv, readCommandLine())

/** The longest delay of a timer; with a longer one, Node fires it at once (lib/internal/timers.js). */
export const longestDelayMs = 2_147_483_647

/** What endless needs from the process and the machine; tests replace it. */
export interface System extends Timers {
  readonly platform: NodeJS.Platform
  readonly pid: number
  readonly ppid: number
  readonly execPath: string
  /** Node's options as they were when the library was loaded. */
  readonly execArgv: readonly string[]
  /** Node's path, the script and its arguments, as the program was started with them. */
  readonly argv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly isClusterWorker: boolean
  /** Whether this is a thread of `node:worker_threads`, which gets no signal and has no child of its own. */
  readonly isWorkerThread: boolean
  /** Servers of this process that listen, endless or not. */
  listeningServers(): net.Server[]
  /** Fixed addresses on which threads of this process listen, as far as the preload `register` has seen them. */
  listensOfThreads(): string[]
  /** The environment that this process was started with; `undefined` if the platform does not show it. */
  readonly startEnvironment: NodeJS.ProcessEnv | undefined
  /** The working directory when the program started, where that is known; else as it is now. */
  readonly startDirectory: string
  stderr(): NodeJS.WritableStream
  cwd(): string
  now(): number
  /** The kernel's clock, in microseconds since boot; the same in every process. */
  monotonicUs(): bigint
  /** Resident memory of this process, in bytes. */
  memoryBytes(): number
  /**
   * Whether the process that had a pid at a moment (`Date.now()`) still runs; yes, where that cannot be told. The
   * pid may be another process's by now.
   */
  stillRuns(pid: number, momentMs: number): boolean
  /** Starts a timer. Shortens a delay above `longestDelayMs` to that: a value from outside may be larger. */
  setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout
  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess
  onSignal(signal: NodeJS.Signals, listener: () => void): void
  offSignal(signal: NodeJS.Signals, listener: () => void): void
  signalListeners(signal: NodeJS.Signals): readonly unknown[]
  /** Holds the listeners of the program to some signals back, and calls back in their place. */
  holdListeners(
    signals: readonly NodeJS.Signals[],
    onSignal: (signal: NodeJS.Signals) => void,
  ): HeldListeners
  /** Calls back for each listener that is added to the process; returns an undo function. */
  onNewListener(callback: (event: string | symbol, listener: unknown) => void): () => void
  /** Calls back once when nothing keeps the process alive any more; returns an undo function. */
  onIdle(callback: () => void): () => void
  onExit(listener: () => void): void
  offExit(listener: () => void): void
  /**
   * Ends the process with the exit code that the application has set, or else with `code`. Code that awaits a
   * promise that has just settled (`restart()`, `shutdown()`) runs first, and output is flushed.
   *
   * See docs/decisions.md, "The exit waits for a turn"
   */
  exit(code: number): void
  /**
   * Whether the process has a terminal: `gone` if the one from its start has been closed since.
   *
   * See docs/decisions.md, "`/dev/tty` shows that a terminal was closed"
   */
  terminal(): 'present' | 'gone' | 'none'
}

/**
 * Reads the environment that the kernel gave this process. It lacks the variables that the program,
 * `--env-file` or dotenv has set since (proc(5), /proc/pid/environ).
 */
function readStartEnvironment(): NodeJS.ProcessEnv | undefined {
  try {
    const environment: NodeJS.ProcessEnv = {}
    for (const entry of readFileSync('/proc/self/environ', 'utf8').split('\0')) {
      const at = entry.indexOf('=')
      if (at > 0) environment[entry.slice(0, at)] = entry.slice(at + 1)
    }
    // Node's own, for the channel to the predecessor; Node has removed them from process.env too.
    delete environment['NODE_CHANNEL_FD']
    delete environment['NODE_CHANNEL_SERIALIZATION_MODE']
    return environment
  } catch {
    return undefined // no procfs: macOS, Windows, some sandboxes
  }
}

/** Reads the command line of this process (proc(5), /proc/pid/cmdline). */
function readCommandLine(): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return readFileSync('/proc/self/cmdline', 'utf8')
  } catch {
    return undefined // no procfs: some sandboxes
  }
}

function stillRuns(pid: number, momentMs: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is another user's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return mayHaveRunAt(pid, momentMs)
}

/** Returns the working directory; '' if it has been deleted and has no name any more. */
function directoryNow(): string {
  try {
    return process.cwd()
  } catch {
    return ''
  }
}

/** Returns the servers that listen (lib/internal/bootstrap/node.js, process._getActiveHandles). */
function listeningServers(): net.Server[] {
  // eslint-disable-next-line no-restricted-syntax -- internals/ stands above, and has no process
  const { _getActiveHandles } = process as unknown as Record<string, () => unknown[]>
  return (_getActiveHandles?.call(process) ?? []).filter((each) => each instanceof net.Server)
}

/** The user as whom this process touches files; `undefined` on Windows. */
export function currentUid(): number | undefined {
  return process.geteuid?.()
}

/** Whether the controlling terminal can be opened: ENXIO if it has been closed, and if there was none. */
function canOpenTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY))
    return true
  } catch {
    return false // none, or gone: the caller knows which from the attempt at the start
  }
}

/**
 * Waits until everything written to standard output and standard error has left this process. A pipe with
 * a slow reader holds output back, and `process.exit()` would throw the last lines away.
 */
async function flushOutput(): Promise<void> {
  const waiting = [process.stdout, process.stderr].filter(
    ({ writableLength, destroyed }) => writableLength > 0 && !destroyed,
  )
  const flushed = waiting.map((stream) => new Promise((resolve) => stream.write('', resolve)))
  // A reader that has stopped reading must not delay the exit for ever.
  await within(Promise.all(flushed), flushMs)
}

/** Creates the real system. Opens the terminal once, so that it can tell later that it was closed. */
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
    isWorkerThread: !isMainThread,
    listeningServers,
    listensOfThreads: () =>
      [...(record?.listensOfThreads.values() ?? [])].flatMap((each) => [...each]),
    startEnvironment: process.platform === 'linux' ? readStartEnvironment() : undefined,
    startDirectory: record?.directory ?? directoryNow(),
    stderr: () => process.stderr, // created on first use: many programs never log
    cwd: () => process.cwd(),
    now: () => performance.now(),
    monotonicUs: () => process.hrtime.bigint() / 1_000n,
    memoryBytes: () => process.memoryUsage.rss(),
    stillRuns,
    setTimeout: (callback, delayMs) => setTimeout(callback, Math.min(delayMs, longestDelayMs)),
    spawn,
    onSignal: (signal, listener) => void process.on(signal, listener),
    offSignal: (signal, listener) => void process.off(signal, listener),
    signalListeners: (signal) => process.listeners(signal),
    holdListeners: (signals, onSignal) => holdListeners(process, signals, onSignal),
    onNewListener(callback) {
      process.on('newListener', callback)
      return () => void process.off('newListener', callback)
    },
    onIdle(callback) {
      process.once('beforeExit', callback)
      return () => void process.off('beforeExit', callback)
    },
    onExit: (listener) => void process.on('exit', listener),
    offExit: (listener) => void process.off('exit', listener),
    exit: (code) => {
      setImmediate(() => {
        void flushOutput().then(() => process.exit(process.exitCode ?? code))
      })
    },
    terminal: () => (!hadTerminal ? 'none' : canOpenTerminal() ? 'present' : 'gone'),
  }
}
