// The one error class of endless, and its codes.

/** Every code that an {@link EndlessError} can have; docs/errors.md has an entry for each. */
export const errorCodes = [
  'ERR_ENDLESS_INVALID_OPTION',
  'ERR_ENDLESS_OPTION_CONFLICT',
  'ERR_ENDLESS_INVALID_ADDRESS',
  'ERR_ENDLESS_INVALID_HANDLER',
  'ERR_ENDLESS_INVALID_HOOK',
  'ERR_ENDLESS_INVALID_CERTIFICATE',
  'ERR_ENDLESS_PID_FILE',
  'ERR_ENDLESS_CONTROL',
  'ERR_ENDLESS_REQUEST_FAILED',
  'ERR_ENDLESS_NOT_BEGUN',
  'ERR_ENDLESS_SERVER_CLOSED',
  'ERR_ENDLESS_NOT_RUNNING',
  'ERR_ENDLESS_SHUTTING_DOWN',
  'ERR_ENDLESS_UNRESPONSIVE',
  'ERR_ENDLESS_SPAWN_FAILED',
  'ERR_ENDLESS_SUCCESSOR_EXITED',
  'ERR_ENDLESS_READY_TIMEOUT',
  'ERR_ENDLESS_ADDRESSES_CHANGED',
  'ERR_ENDLESS_ROLLED_BACK',
  'ERR_ENDLESS_NOT_ON_PROBATION',
  'ERR_ENDLESS_INVALID_STATE',
  'ERR_ENDLESS_UNSUPPORTED',
  'ERR_ENDLESS_UNSUPPORTED_PLATFORM',
] as const

export type EndlessErrorCode = (typeof errorCodes)[number]

/** Data that an {@link EndlessError} can have besides its message. */
export interface EndlessErrorDetails {
  /** The error behind this one; if a successor failed, the error that ended it. */
  cause?: unknown
  /** Pid of the successor that failed, or of the process that was found. */
  pid?: number | undefined
  /** Exit code of the successor that failed; `null` if a signal ended it. */
  exitCode?: number | null | undefined
  /** Signal that ended the successor; `null` if it exited by itself. */
  signal?: NodeJS.Signals | null | undefined
  /** Last lines that JavaScript code in the successor wrote to standard error. */
  stderr?: string[] | undefined
}

/**
 * Reports everything that endless refuses, and everything that goes wrong in a restart. Match it by
 * `code`: two copies of the library in one process have two classes.
 */
export class EndlessError extends Error {
  override readonly name = 'EndlessError'
  readonly code: EndlessErrorCode
  declare readonly pid?: number
  declare readonly exitCode?: number | null
  declare readonly signal?: NodeJS.Signals | null
  declare readonly stderr?: string[]

  constructor(code: EndlessErrorCode, message: string, details: EndlessErrorDetails = {}) {
    const { cause, ...data } = details
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, data)
  }
}

/** Returns the message of an error, or any other thrown value as text, for a log or another error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
