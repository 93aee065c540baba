import { generationName } from '../api/generation-name.js'
import type { RestartReport } from '../api/reports.js'
import { connectionsOf } from '../connections/count.js'
import type { System } from '../node/system.js'
import type { Ancestry } from './parts/ancestry.js'
import type { Servers } from './parts/servers.js'

// The log lines of a restart and of a shutdown that go as they should.

/** Returns `shutting down: 1 connection open, at most 60 s; SIGUSR2 or a second Ctrl-C ends it at once`. */
export function shutdownNotice(servers: Servers, delayMs: number): string {
  const count = [...servers].reduce((sum, { connections }) => sum + connections.accepted.size, 0)
  if (count === 0 && delayMs === 0) return 'shutting down: no connection is open'
  const times = [...servers].map(({ hammerTimeMs }) => hammerTimeMs)
  const limit = times.some((timeMs) => timeMs < 0)
    ? 'no time limit'
    : `at most ${inSeconds(Math.max(0, ...times))}`
  const delay = delayMs > 0 ? `accepts for another ${inSeconds(delayMs)}, then ` : ''
  return (
    `shutting down: ${connectionsOf(count)} open, ${delay}${limit}; ` +
    'SIGUSR2 or a second Ctrl-C ends it at once'
  )
}

/**
 * Returns `generation 1 (pid 4711) has taken over, on probation for 60 s`; at a terminal, also how to end it.
 */
export function takenOverNotice(
  { number, pid, probationMs }: Pick<RestartReport, 'number' | 'pid' | 'probationMs'>,
  { ancestry, system }: { ancestry: Ancestry; system: System },
): string {
  const name = `${generationName({ number, pid })} has taken over${probationText(probationMs)}`
  // A shell waits only for the first process: its prompt is back, and Ctrl-C no longer reaches the service.
  const isInBackground = !ancestry.supervisor && system.terminal() === 'present'
  return isInBackground
    ? `${name}, in the background of this terminal: kill ${String(pid)} ends it`
    : name
}

/** Returns `generation 1 (pid 4711) is proven`. */
export function provenNotice(generation: { number: number; pid: number }): string {
  return `${generationName(generation)} is proven`
}

function probationText(probationMs: number | undefined): string {
  if (probationMs === undefined) return ''
  return probationMs < 0 ? ', on probation' : `, on probation for ${inSeconds(probationMs)}`
}

/** Returns `generation 1 (pid 4711) does not listen on 127.0.0.1:3001: connections there are refused now`. */
export function droppedNotice(report: { number: number; pid: number; dropped: string[] }): string {
  const addresses = report.dropped.join(', ')
  return `${generationName(report)} does not listen on ${addresses}: connections there are refused now`
}

function inSeconds(timeMs: number): string {
  return `${String(timeMs / 1_000)} s`
}
