import type { System } from '../node/system.js'

/** A socket that the service manager has opened for this process: `{ fd: 3, name: 'app.socket' }`. */
export interface PassedSocket {
  fd: number
  name: string
}

/** Where and how often the service manager wants to hear from a service. */
export interface NotifyAddress {
  /** Path of its socket; of an abstract one with a leading `@`. */
  socket: string
  /** How long it may hear nothing before it ends the service, in ms; `undefined`: for ever. */
  watchdogMs: number | undefined
}

/** What a service manager has told this process by its environment (sd_listen_fds(3), sd_notify(3)). */
export interface ServiceVariables {
  sockets: PassedSocket[]
  notify: NotifyAddress | undefined
}

/** The first of them comes after standard input, output and error. */
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
 * Takes what is meant for this process out of the environment, so that no child obeys it too: a socket
 * is there once, and what a child says would count for the whole service.
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

/** Takes all of that out of an environment. */
export function hideServiceVariables(environment: NodeJS.ProcessEnv): void {
  for (const name of names) Reflect.deleteProperty(environment, name)
}

function socketsOf({ LISTEN_FDS: count, LISTEN_FDNAMES: text }: NodeJS.ProcessEnv): PassedSocket[] {
  const socketNames = text?.split(':') ?? []
  // More than a process can have open is no count.
  const length = Math.min(wholeNumber(count) ?? 0, 1_048_576)
  return Array.from({ length }, (_, index) => ({
    fd: firstFd + index,
    name: socketNames[index] ?? 'unknown', // as sd_listen_fds_with_names(3) has it
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
