import type net from 'node:net'
import { type HookOptions, type HookSignal, hookSignals } from './hooks.js'
import type { Logger } from './logger.js'

// The options of endless: their types and defaults. docs/options.md describes each of them.

/** Options of one server. */
export interface ServerOptions {
  /**
   * How long a drain may take before the server's remaining connections are destroyed, in ms. Negative: no
   * limit; {@link Generation.hammer}, SIGUSR2 and a second Ctrl-C still destroy them.
   * @default 60_000 (`defaults.hammerTimeMs`, read when the drain begins)
   */
  hammerTimeMs?: number
  /**
   * How long a connection must have been idle before a drain closes it, in ms. A value replaces the first
   * two defaults; on a restart it can only lengthen the wait.
   * @default on a restart the server's own `keepAliveTimeout`, at least 5_000; on a plain shutdown
   * the same, at most 5_000; on Ctrl-C at a terminal 0
   */
  idleGraceMs?: number
  /**
   * Whether open HTTP/1 connections without TLS move to the successor; a function decides for each socket.
   * Set it to `false` if the application keeps state for a connection, or a login belongs to it, as with NTLM
   * and Negotiate. What a layer of the program has read before HTTP never moves, whatever this says.
   * @default true
   */
  migrateConnections?: boolean | ((socket: net.Socket) => boolean)
  /** How long a client may take to send a whole request, in ms. @default Node's `requestTimeout` */
  readTimeoutMs?: number
  /** How long a whole response may take, counted from the request's header, in ms. @default no limit */
  writeTimeoutMs?: number
  /** How long a request's header may be, in bytes. @default Node's `maxHeaderSize` */
  maxHeaderBytes?: number
  /**
   * How long the keys of TLS session tickets live, in ms, across restarts; 0: for ever. A client with a
   * ticket under older keys goes through a full handshake. Keys that the application sets are left alone.
   * @default 43_200_000 (12 hours)
   */
  ticketRotationMs?: number
  /**
   * Permissions of a Unix socket's path, such as `0o660`; the path never appears with others. A successor
   * sets them when it takes over. @default what the umask leaves
   */
  socketMode?: number
  /**
   * Owner of a Unix socket's path; an id that is left out stays as it is. Set like `socketMode`.
   * @default user and group of the process
   */
  socketOwner?: { uid?: number; gid?: number }
  /** Functions that run before and after the action of a signal. @default none */
  hooks?: HookOptions
  /**
   * Called with the address once the server is bound. Its synchronous part runs before any request is
   * handled; the process is not ready until its promise has settled.
   * @default none
   */
  beforeBegin?: (address: string) => void | Promise<void>
  /**
   * Path that an HTTP/1 server must answer with a status below 500 before the process is ready, for a program
   * that listens before it can answer. Asked inside the process, for at most `readyTimeoutMs`.
   * @default none
   */
  readyProbe?: string
  /**
   * Paths that a successor asks of an HTTP/1 server of its own before it is ready, or a function that asks: clients
   * then do not wait for what only first requests cost. Asked inside the process. A failure is logged.
   * @default none
   */
  warmUp?: WarmUp
  /** Whether a warm-up that fails also fails the restart. @default false */
  requireWarmUp?: boolean
}

/** Sends GET `path` through a server, inside its process; resolves with the status, or rejects without an answer. */
export type AskServer = (path: string) => Promise<number>

/** The option `warmUp`. */
export type WarmUp = readonly string[] | ((ask: AskServer) => void | Promise<void>)

/** Options of the process; servers that give the same option must give the same value. */
export interface ProcessOptions {
  /** How long a successor may take until it is ready, in ms. @default 60_000 */
  readyTimeoutMs?: number
  /**
   * When this process is ready: when its servers listen, or when it calls `generation.ready()`.
   * @default 'listening'
   */
  ready?: 'listening' | 'manual'
  /**
   * How long a successor waits, after its last `listen`, for the application to listen on the other sockets
   * of the predecessor, in ms. Then it closes them. @default 10_000
   */
  unclaimedGraceMs?: number
  /**
   * Whether a restart may succeed although its successor listens on none of the addresses of the predecessor.
   * The predecessor heeds its own option and the successor's. @default false
   */
  allowAddressChange?: boolean
  /**
   * How long a predecessor stays behind after its successor has taken over, in ms: without connections, and
   * ready to serve again if the successor turns out bad. Negative: until the probation is ended.
   * @default 0 (no probation)
   */
  probationMs?: number
  /**
   * How many generations may live at once, with those that drain, at least 2. Beyond that, the oldest is hammered once
   * it has drained for 5 s. The newest generation decides.
   * @default 5
   */
  maxGenerations?: number
  /**
   * How long to go on accepting after a SIGTERM from outside, in ms, so that load balancers notice; `state`
   * is `shutting-down` meanwhile. Not in a restart. @default 0
   */
  shutdownDelayMs?: number
  /** File with the pid of the generation that serves. @default none */
  pidFile?: string
  /**
   * Path of the control socket, over which the command `endless` controls this service; only its own user
   * may connect. @default `<pidFile>.sock` if there is a `pidFile`, else none
   */
  control?: string
  /** The signals that endless catches. @default the six of {@link HookSignal} */
  signals?: HookSignal[]
  /**
   * What becomes of SIGHUP, SIGTERM and SIGINT listeners that are not endless's: 'call' leaves them alone, and
   * warns of them; 'hold' holds them back from the first `listen` on, and calls each once after the drain, as
   * clean-up before the exit, and none on a restart.
   * @default 'call'; 'hold' in a program that was made endless without code
   */
  otherSignalListeners?: 'call' | 'hold'
  /** What to start as the successor, where it differs from how this process was started. */
  successor?: SuccessorOptions
  /** Whether to exit after a shutdown that endless began. @default true */
  exit?: boolean
  /** Takes the lines that endless logs; docs/log-lines.md has all of them. @default lines on standard error */
  logger?: Logger
}

/** How the successor is started; what you leave out stays as this process was started. */
export interface SuccessorOptions {
  /** A Node.js binary. @default process.execPath */
  command?: string
  /**
   * All arguments of the command.
   * @default those of this process when core was loaded, `execArgv` included
   */
  args?: string[]
  /**
   * Working directory. If it is a symbolic link to the next release, the script moves along with it.
   *
   * @default that of this process when it was started, symbolic links kept
   */
  cwd?: string
  /** The whole environment. @default that of this process */
  env?: NodeJS.ProcessEnv
}

export type EndlessOptions = ServerOptions & ProcessOptions

/** Default of `hammerTimeMs`, in ms; also bounds each hook if the option is negative. */
export const defaultHammerTimeMs = 60_000

/**
 * 12 hours, in ms: a stolen key reveals no more than that, and a client that comes all day needs two full
 * handshakes.
 */
export const defaultTicketRotationMs = 43_200_000

/** Process options with all defaults filled in. */
export type ResolvedProcessOptions = Required<
  Omit<ProcessOptions, 'pidFile' | 'control' | 'successor' | 'logger'>
> &
  Pick<ProcessOptions, 'pidFile' | 'control' | 'successor' | 'logger'>

export const processDefaults: ResolvedProcessOptions = {
  readyTimeoutMs: 60_000,
  ready: 'listening',
  unclaimedGraceMs: 10_000,
  allowAddressChange: false,
  probationMs: 0,
  maxGenerations: 5,
  shutdownDelayMs: 0,
  signals: [...hookSignals],
  otherSignalListeners: 'call',
  exit: true,
}
