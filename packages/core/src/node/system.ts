import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import cluster from 'node:cluster'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { isSea } from 'node:sea'
import { isMainThread } from 'node:worker_threads'
import { type HeldListeners, holdListeners } from './held-listeners.js'
import { type Holder, holderOf, isHeldElsewhere, type TakenAddress } from './holder-of.js'
import { programPlaces } from './manifest.js'
import { mayHaveRunAt, parentOf } from './process-age.js'
import { registerRecord } from './register-record.js'
import { signalExitListeners } from './signal-exit.js'
import {
  commandWords,
  type Start,
  startArguments,
  startDirectory,
  startKey,
} from './start-arguments.js'
import { type Timers, within } from './waits.js'

// The outside world as one object, so that tests can replace it: this process, its timers, its children.

/** How long output that is not read may delay the exit. */
const flushMs = 1_000

/** The longest delay of a timer; with a longer one, Node fires it at once (lib/internal/timers.js). */
export const longestDelayMs = 2_147_483_647

/** What endless needs from the process and the machine; tests replace it. */
export interface System extends Timers {
  readonly platform: NodeJS.Platform
  readonly pid: number
  readonly ppid: number
  readonly execPath: string
  /** Node's options, as the program was started with them. */
  readonly execArgv: readonly string[]
  /** Node's path, the script and its arguments, as the program was started with them. */
  readonly argv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Whether program and Node are one file. */
  readonly isSingleExecutable: boolean
  /** The directory in which this process was started, as the kernel knows it; '' if it is unknown. */
  readonly startDirectory: string
  /** Where the program is: paths of its script, with the links resolved that led there at the start. */
  readonly programPlaces: readonly string[]
  /** Whether the parent has forked this process, with a channel that is the application's: PM2, `fork`. */
  readonly isForked: boolean
  readonly isClusterWorker: boolean
  /** Whether this is a thread of `node:worker_threads`, which gets no signal and has no child of its own. */
  readonly isWorkerThread: boolean
  /** This process, for what Node does not document. */
  readonly self: object
  /** Fixed addresses on which threads of this process listen, as far as the preload `register` has seen them. */
  listensOfThreads(): string[]
  /** The environment that this process was started with; `undefined` if the platform does not show it. */
  readonly startEnvironment: NodeJS.ProcessEnv | undefined
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
  /** Signals the process that had a pid at a moment (`Date.now()`), if it still runs, and this user may. */
  signalProcess(pid: number, signal: NodeJS.Signals, momentMs: number): void
  /** Whether a process is the parent of this one, and lives: the kernel gives the children of a dead one away. */
  isParent(pid: number): boolean
  /** Whether a process has the same parent as this one; yes, where that cannot be told. */
  isSibling(pid: number): boolean
  /** Finds which process has an address: this one, or one that it has started; `undefined` if that cannot be told. */
  holderOf(taken: TakenAddress): Promise<Holder | undefined>
  /**
   * Whether a process other than this one, its parent and the first one has a listening socket, too; no, where that
   * cannot be told.
   */
  isHeldElsewhere(listener: { readonly fd?: number }): Promise<boolean>
  /** Starts a timer. Shortens a delay above `longestDelayMs` to that: a value from outside may be larger. */
  setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout
  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess
  /** Opens a socket whose descriptor this process was started with. */
  openSocket(fd: number): net.Socket
  onSignal(signal: NodeJS.Signals, listener: () => void): void
  offSignal(signal: NodeJS.Signals, listener: () => void): void
  signalListeners(signal: NodeJS.Signals): readonly unknown[]
  /** How many of these do nothing while others are there; see `signal-exit.ts`. */
  signalExitListeners(): number
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

/** What a parent has told a process of its start: the directory, and options that it added and that are hidden. */
interface Told {
  directory?: string
  execArgv?: readonly string[][]
}

/** Returns what a preload has copied before the program's first line; where none has run, what can still be found. */
function findStart(told: Told): Start {
  const copied = (globalThis as Record<symbol, Start | undefined>)[startKey]
  if (copied) return copied
  const execArgv = [...process.execArgv]
  const words = commandWords(readCommandLine(), told.execArgv)
  return {
    argv: isSea() ? [...process.argv] : startArguments(process.argv, execArgv, words),
    execArgv,
    directory: startDirectory(process.argv, execArgv, words, cwd(), told.directory),
    places: programPlaces(process.argv[1] ?? ''),
  }
}

/** Resident memory. Without a descriptor left, with which libuv reads it, the most that it ever was. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss()
  } catch {
    // EMFILE (libuv, src/unix/linux.c, uv_resident_set_memory).
    return process.resourceUsage().maxRSS * 1_024
  }
}

/** The directory of this process; '' if it has been deleted, and has no name any more. */
function cwd(): string {
  try {
    return process.cwd()
  } catch {
    return ''
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

function signalProcess(pid: number, signal: NodeJS.Signals, momentMs: number): void {
  if (!stillRuns(pid, momentMs)) return
  try {
    process.kill(pid, signal)
  } catch {
    // ESRCH: it has ended in this moment. EPERM: it is another user's, and so none of ours.
  }
}

/** Pid of this process. */
export function currentPid(): number {
  return process.pid
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

/**
 * Creates the real system. Call it as early as possible: a program may remove from its arguments what its successor
 * needs, and change its directory. Opens the terminal once, so that it can tell later that it was closed.
 *
 * @param told what the parent has said of the start, if it is a generation's or a supervisor's
 */
export function createNodeSystem(told: Told = {}): System {
  const { argv, execArgv, directory, places } = findStart(told)
  const hadTerminal = process.platform !== 'win32' && canOpenTerminal()
  return {
    platform: process.platform,
    pid: process.pid,
    ppid: process.ppid,
    execPath: process.execPath,
    execArgv,
    argv,
    isSingleExecutable: isSea(),
    startDirectory: directory,
    programPlaces: places,
    env: process.env,
    isForked: process.send !== undefined && !cluster.isWorker,
    isClusterWorker: cluster.isWorker,
    isWorkerThread: !isMainThread,
    self: process,
    listensOfThreads: () =>
      [...(registerRecord()?.listensOfThreads.values() ?? [])].flatMap((each) => [...each]),
    startEnvironment: process.platform === 'linux' ? readStartEnvironment() : undefined,
    stderr: () => process.stderr, // created on first use: many programs never log
    cwd: () => process.cwd(),
    now: () => performance.now(),
    monotonicUs: () => process.hrtime.bigint() / 1_000n,
    memoryBytes: residentBytes,
    stillRuns,
    signalProcess,
    isParent: (pid) => process.ppid === pid,
    isSibling: (pid) => (parentOf(pid) ?? process.ppid) === process.ppid,
    signalExitListeners,
    holderOf: (taken) => holderOf(taken, process.pid),
    // A service manager keeps the sockets that it gives.
    isHeldElsewhere: ({ fd = -1 }) => isHeldElsewhere(fd, [process.pid, process.ppid, 1]),
    setTimeout: (callback, delayMs) => setTimeout(callback, Math.min(delayMs, longestDelayMs)),
    spawn,
    openSocket: (fd) => new net.Socket({ fd, readable: true, writable: true }),
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
