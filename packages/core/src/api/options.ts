import type net from 'node:net'
import { EndlessError } from './endless-error.js'
import { type HookOptions, type HookSignal, hookSignals } from './hooks.js'
import type { Logger } from './logger.js'

// The options of endless: their types, defaults and checks. docs/options.md describes each of them.

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
   * @default logs pid and address
   */
  beforeBegin?: (address: string) => void | Promise<void>
  /**
   * Path that an HTTP/1 server must answer with a status below 500 before the process is ready, for a program
   * that listens before it can answer. Asked inside the process, for at most `readyTimeoutMs`.
   * @default none
   */
  readyProbe?: string
}

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
  /** Takes the lines that endless logs. @default lines on standard error */
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
  shutdownDelayMs: 0,
  signals: [...hookSignals],
  otherSignalListeners: 'call',
  exit: true,
}

type Check = (value: unknown) => string | undefined

const milliseconds: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 2_147_483_647
    ? undefined
    : 'a number of milliseconds from 0 to 2147483647'

const isInteger = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32

const checks: Record<keyof EndlessOptions, Check> = {
  hammerTimeMs: (value) =>
    typeof value === 'number' && value <= 2_147_483_647
      ? undefined
      : 'a number of milliseconds, negative for never',
  idleGraceMs: milliseconds,
  migrateConnections: (value) =>
    typeof value === 'boolean' || typeof value === 'function'
      ? undefined
      : 'true, false or a function of the socket',
  readTimeoutMs: milliseconds,
  writeTimeoutMs: milliseconds,
  ticketRotationMs: milliseconds,
  maxHeaderBytes: (value) =>
    Number.isSafeInteger(value) && (value as number) > 0 ? undefined : 'a positive integer',
  socketMode: (value) =>
    isInteger(value) && value <= 0o777 ? undefined : 'an integer from 0 to 0o777',
  socketOwner: (value) =>
    value !== null &&
    typeof value === 'object' &&
    Object.entries(value).every(([key, id]) => ['uid', 'gid'].includes(key) && isInteger(id))
      ? undefined
      : 'an object of { uid, gid }, both integers',
  hooks: (value) =>
    value !== null && typeof value === 'object'
      ? undefined
      : 'an object such as { before: { SIGHUP: hook } }',
  readyProbe: (value) =>
    typeof value === 'string' && /^\/[\x21-\x7e]*$/.test(value)
      ? undefined
      : "a path such as '/health'",
  beforeBegin: (value) => (typeof value === 'function' ? undefined : 'a function'),
  readyTimeoutMs: milliseconds,
  ready: (value) =>
    value === 'listening' || value === 'manual' ? undefined : "'listening' or 'manual'",
  unclaimedGraceMs: milliseconds,
  allowAddressChange: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  probationMs: (value) =>
    typeof value === 'number' && value <= 2_147_483_647
      ? undefined
      : 'a number of milliseconds, negative for until it is ended',
  shutdownDelayMs: milliseconds,
  pidFile: (value) => (typeof value === 'string' && value !== '' ? undefined : 'a path'),
  control: (value) => (typeof value === 'string' && value !== '' ? undefined : 'a path'),
  signals: (value) =>
    Array.isArray(value) && value.every((each) => hookSignals.includes(each as HookSignal))
      ? undefined
      : `a list of ${hookSignals.join(', ')}`,
  otherSignalListeners: (value) =>
    value === 'call' || value === 'hold' ? undefined : "'call' or 'hold'",
  successor: (value) =>
    value !== null &&
    typeof value === 'object' &&
    Object.keys(value).every((key) => ['command', 'args', 'cwd', 'env'].includes(key))
      ? undefined
      : 'an object of { command, args, cwd, env }',
  exit: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  logger: (value) =>
    (['info', 'warn', 'error'] as const).every(
      (method) => typeof (value as Logger | null)?.[method] === 'function',
    )
      ? undefined
      : 'an object with info, warn and error',
}

const processOptionNames = [
  'readyTimeoutMs',
  'ready',
  'unclaimedGraceMs',
  'allowAddressChange',
  'probationMs',
  'shutdownDelayMs',
  'pidFile',
  'control',
  'signals',
  'otherSignalListeners',
  'successor',
  'exit',
  'logger',
] as const satisfies readonly (keyof ProcessOptions)[]

/**
 * Checks options and splits them into those of the server and those of the process; `undefined` means not
 * given.
 *
 * @throws `ERR_ENDLESS_INVALID_OPTION` for an unknown option or a value that makes no sense
 */
export function parseOptions(options: EndlessOptions = {}): {
  server: ServerOptions
  process: ProcessOptions
} {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw invalidOption('options', options, 'an object')
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (!Object.hasOwn(checks, name)) {
      throw new EndlessError(
        'ERR_ENDLESS_INVALID_OPTION',
        `Unknown option '${name}': the options are ${Object.keys(checks).sort().join(', ')}.`,
      )
    }
    const expected = checks[name as keyof EndlessOptions](value)
    if (expected !== undefined) throw invalidOption(name, value, expected)
  }
  const isProcessOption = (name: string): boolean =>
    (processOptionNames as readonly string[]).includes(name)
  return {
    server: Object.fromEntries(given.filter(([name]) => !isProcessOption(name))),
    process: Object.fromEntries(given.filter(([name]) => isProcessOption(name))),
  }
}

/** Creates the error for an option whose value makes no sense. */
export function invalidOption(name: string, value: unknown, expected: string): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_INVALID_OPTION',
    `The option '${name}' is ${describe(value)}: expected ${expected}.`,
  )
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function'
  if (value !== null && typeof value === 'object') {
    return Array.isArray(value) ? `[${value.map(String).join(', ')}]` : 'an object'
  }
  return String(value)
}

/**
 * Adds the process options of one server to those that the others gave.
 *
 * @throws `ERR_ENDLESS_OPTION_CONFLICT` if two values differ
 */
export function mergeProcessOptions(known: ProcessOptions, added: ProcessOptions): ProcessOptions {
  for (const name of processOptionNames) {
    if (name in known && name in added && !isSame(known[name], added[name])) {
      throw new EndlessError(
        'ERR_ENDLESS_OPTION_CONFLICT',
        `The option '${name}' belongs to the process, but two servers give it different values: ` +
          `${describe(known[name])} and ${describe(added[name])}. Give it once, or the same value twice.`,
      )
    }
  }
  return { ...known, ...added }
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  const isPlain = (value: unknown): boolean =>
    value !== null &&
    typeof value === 'object' &&
    (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)
  // Objects with functions (loggers) are compared by identity alone: JSON drops functions.
  return isPlain(a) && isPlain(b) && !hasFunction(a) && JSON.stringify(a) === JSON.stringify(b)
}

function hasFunction(value: unknown): boolean {
  return Object.values(value as object).some((each) => typeof each === 'function')
}
