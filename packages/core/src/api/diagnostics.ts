import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel'
import type net from 'node:net'
import type { EndlessError } from './endless-error.js'
import type { RestartReport, ShutdownReport } from './reports.js'

// The channels of `node:diagnostics_channel`, and what subscribers get. Nothing is done for them while nobody
// subscribes.

/** Why an open connection moves to another process. */
export type MoveReason = 'restart' | 'rollback' | 'balance' | 'scale'

/**
 * What `tracingChannel('endless.restart')` tells: from the moment in which this process begins to hand over until
 * its successor has taken over (`result`), or will not (`error`).
 */
export interface RestartTrace {
  /** Number of the successor. */
  number: number
  result?: RestartReport
  error?: EndlessError
}

/** What `tracingChannel('endless.drain')` tells: from the moment in which a server accepts no more until it is empty. */
export interface DrainTrace {
  server: net.Server
  /** The address at which the server has listened: `[::]:3000`. */
  address: string | null
  reason: ShutdownReport['reason']
  /**
   * `taken-back`: the server accepts again, since its successor has died or was rolled back. `hammered` is how many
   * connections the hammer has destroyed.
   */
  result?: { outcome: 'drained' | 'taken-back'; hammered: number }
}

/**
 * What `tracingChannel('endless.move')` tells in the process that gives an open connection away: from the moment in
 * which it does not read from it any more until the other process has answered.
 */
export interface MoveTrace {
  why: MoveReason
  /** `upgrade`: a WebSocket or tunnel. */
  kind: 'connection' | 'upgrade'
  /** The address of its server in both processes: `[::]:3000`. */
  address: string
  /** Whether the other process has it. If not, it is served here as before. */
  result?: boolean
}

export const restartChannel = tracingChannel<unknown, RestartTrace>('endless.restart')
export const drainChannel = tracingChannel<unknown, DrainTrace>('endless.drain')
export const moveChannel = tracingChannel<unknown, MoveTrace>('endless.move')

/** Runs an operation, and tells a channel of its start and end if somebody subscribes. */
export function traced<Context extends object, Result>(
  channel: TracingChannel<unknown, Context>,
  context: Context,
  operation: () => Promise<Result>,
): Promise<Result> {
  return channel.hasSubscribers ? channel.tracePromise(operation, context) : operation()
}
