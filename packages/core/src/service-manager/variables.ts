import type { System } from '../node/system.js'

// The environment variables by which a service manager speaks to this process.

/** A socket that the service manager has opened for this process: `{ fd: 3, name: 'app.socket' }`. */
export interface PassedSocket {
  fd: number
  name: string
}

/** Where and how often a service reports to the service manager. */
export interface NotifyAddress {
  /** Path of the service manager's socket; the name of an abstract socket begins with `@`. */
  socket: string
  /** Longest silence before the service manager ends the service, in ms; `undefined`: no limit. */
  watchdogMs: number | undefined
}

/** Values of the variables that are meant for this process (sd_listen_fds(3), sd_notify(3)). */
export interface ServiceVariables {
  sockets: PassedSocket[]
  notify: NotifyAddress | undefined
}

/** Descriptor of the first passed socket: the next after standard input, output and error. */
const firstFd = 3

const names = [
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'LISTEN_PID',
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
]

/**
 * Reads the variables and removes them from the environment, so that no child obeys them too: a child
 * does not have the sockets, and its messages would count for the whole service.
 * See docs/decisions.md, "The variables of systemd leave the environment"
 */
export function takeServiceVariables({ env, pid }: Pick<System, 'env' | 'pid'>): ServiceVariables {
  const given = { ...env }
  hideServiceVariables(env)
  const { NOTIFY_SOCKET: socket } = given
  return {
    sockets: given['LISTEN_PID'] === String(pid) ? socketsOf(given) : [],
    notify: socket ? { socket, watchdogMs: watchdogMsOf(given, pid) } : undefined,
  }
}

/** Removes the service manager's variables from an environment. */
export function hideServiceVariables(environment: NodeJS.ProcessEnv): void {
  for (const name of names) Reflect.deleteProperty(environment, name)
}

function socketsOf({ LISTEN_FDS: count, LISTEN_FDNAMES: text }: NodeJS.ProcessEnv): PassedSocket[] {
  const socketNames = text?.split(':') ?? []
  // No process can have more descriptors open than this: a larger number is not a count.
  const length = Math.min(wholeNumber(count) ?? 0, 1_048_576)
  return Array.from({ length }, (_, index) => ({
    fd: firstFd + index,
    name: socketNames[index] ?? 'unknown', // as in sd_listen_fds_with_names(3)
  }))
}

function watchdogMsOf(given: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { WATCHDOG_PID: whose, WATCHDOG_USEC: time } = given
  if (whose !== undefined && whose !== String(pid)) return undefined
  const microseconds = wholeNumber(time)
  return microseconds === undefined ? undefined : microseconds / 1_000
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined
}
