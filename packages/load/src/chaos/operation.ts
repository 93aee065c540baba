// What chaos does to a service, as data: a seed gives the same operations again.

/** Which process an operation is for, looked up when its time has come. */
export type Role =
  /** The process that the pid file names. */
  | 'file'
  /** The generation that reported last that it serves. */
  | 'serving'
  | 'draining'
  | 'oldest'
  | 'booting'
  | 'any'
  | 'supervisor'

export interface Target {
  role: Role
  /** Which one of several, from 0 up to 1. */
  pick: number
}

/** What the generations that are started from now on do. */
export interface Fate {
  bootMs?: number
  /** 'listening': as it is ready, and its predecessor may not have noticed. */
  dies?: 'booting' | 'listening' | 'serving'
  how?: 'throw' | 'exit' | 'kill' | 'hang'
  /** How long after it began to boot, to listen or to serve. */
  afterMs?: number
  /** Dies only as the child of this process, which can take over from it. */
  of?: number
  /** An event at which one generation stops itself with SIGSTOP, once, as soon as it has reported it. */
  halts?: { generation: number; event: string }
}

export type Operation =
  | { kind: 'hang-up'; to: Target }
  /** Several signals at once. */
  | { kind: 'storm'; to: Target[] }
  | { kind: 'command'; args: string[] }
  | { kind: 'pause'; target: Target; forMs: number }
  | { kind: 'kill'; target: Target }
  | { kind: 'release'; fate: Fate }
  /** A stream or a tunnel that keeps its generation draining; for ever: until the round has settled. */
  | { kind: 'hold'; how: 'stream' | 'tunnel'; forMs: number | 'ever' }
  | { kind: 'block'; afterMs: number; forMs: number }

/** An event of the program that some operations wait for. */
export const moments = [
  'restarting',
  'boot',
  'listening',
  'before SIGTERM',
  'taken-over',
  'drain',
  'ready',
  'dies',
] as const

export type Moment = (typeof moments)[number]

/**
 * An operation and its time: so long after the one before, or at the next event of this name, at most so
 * long.
 */
export interface Step {
  operation: Operation
  afterMs: number
  at?: Moment
}

/** Returns an operation in words: `SIGHUP to the pid in the file`. */
export function describe(operation: Operation): string {
  switch (operation.kind) {
    case 'hang-up':
      return `SIGHUP to ${nameOf(operation.to)}`
    case 'storm':
      return `SIGHUP at once to ${operation.to.map(nameOf).join(', ')}`
    case 'command':
      return `endless ${operation.args.join(' ')}`
    case 'pause':
      return `SIGSTOP to ${nameOf(operation.target)} for ${operation.forMs} ms`
    case 'kill':
      return `SIGKILL to ${nameOf(operation.target)}`
    case 'release':
      return `a release: ${JSON.stringify(operation.fate)}`
    case 'hold':
      return `a ${operation.how} for ${operation.forMs === 'ever' ? 'ever' : `${operation.forMs} ms`}`
    case 'block':
      return `after ${operation.afterMs} ms, a request that blocks for ${operation.forMs} ms`
  }
}

function nameOf({ role }: Target): string {
  if (role === 'file') return 'the pid in the file'
  if (role === 'any') return 'any process'
  if (role === 'supervisor') return 'the supervisor'
  return role === 'oldest' ? 'the oldest generation' : `a generation that is ${role}`
}
