import { durationOf } from '../api/duration.js'
import { generationName, type NamedGeneration } from '../api/generation-name.js'
import { limitOf } from '../api/long-wait.js'
import { connectionsOf, countConnections } from '../connections/count.js'
import { formatAddress } from '../listeners/address.js'
import type { Ancestry } from './parts/ancestry.js'
import type { Parts } from './parts/parts.js'
import type { Servers } from './parts/servers.js'

// The log lines of a service that goes as it should. docs/log-lines.md has all lines.
// See docs/decisions.md, "Each fact is logged once, by who knows it"

/** Names this process. */
export function ownName({ ancestry, system }: Pick<Parts, 'ancestry' | 'system'>): NamedGeneration {
  return { number: ancestry.number, pid: system.pid }
}

/** Returns `generation 1 (pid 4711) serves [::]:3000, udp:0.0.0.0:8125`. */
export function servesNotice(parts: Pick<Parts, 'ancestry' | 'servers' | 'system'>): string {
  const { servers } = parts
  const addresses = [
    ...[...servers].flatMap(({ address }) => address ?? []),
    ...[...servers.udpSockets].flatMap(({ bound }) => bound ?? []),
  ]
  return `${generationName(ownName(parts))} serves ${addresses.join(', ')}`
}

/** Returns `generation 1 (pid 4711) is on probation for 60 s`. */
export function probationNotice(generation: NamedGeneration, probationMs: number): string {
  const time = probationMs < 0 ? '' : ` for ${durationOf(probationMs)}`
  return `${generationName(generation)} is on probation${time}`
}

/** Returns what to log when a successor on probation has another version, which knows nothing of that. */
export function unguardedNotice(generation: NamedGeneration): string {
  return (
    `${generationName(generation)} has another version of endless: nobody sees whether it is blocked, ` +
    'or counts its errors, and its connections end if it is rolled back'
  )
}

/** Returns what to log when a successor lives, and can be told nothing more. */
export function cutOffNotice(generation: NamedGeneration): string {
  return (
    `the channel to ${generationName(generation)} is cut: connections cannot move there any more, ` +
    'and end when they are idle'
  )
}

/** Returns `generation 1 (pid 4711) is proven`. */
export function provenNotice(generation: NamedGeneration): string {
  return `${generationName(generation)} is proven`
}

/** Returns `generation 1 (pid 4711) ends now: too many generations live (maxGenerations)`. */
export function surplusNotice(generation: NamedGeneration): string {
  return `${generationName(generation)} ends now: too many generations live (maxGenerations)`
}

/**
 * Returns how to end a process that took over in the background of a terminal, to follow the line that it serves; ''
 * for any other. A shell waits only for the first process: its prompt is back, and Ctrl-C no longer reaches the service.
 */
export function backgroundNotice({ ancestry, system }: Pick<Parts, 'ancestry' | 'system'>): string {
  const { number, supervisor } = ancestry
  return number > 0 && !supervisor && system.terminal() === 'present'
    ? `, in the background of this terminal: kill ${String(system.pid)} ends it`
    : ''
}

/** Returns `shutting down: 1 connection open, at most 60 s; SIGUSR2 or a second Ctrl-C ends it at once`. */
export function shutdownNotice(servers: Servers, delayMs: number): string {
  const count = [...servers].reduce((sum, { connections }) => sum + connections.accepted.size, 0)
  if (count === 0 && delayMs === 0) return 'shutting down: no connection is open'
  const delay = delayMs > 0 ? `accepts for another ${durationOf(delayMs)}, then ` : ''
  return (
    `shutting down: ${connectionsOf(count)} open, ${delay}${limitOf(drainLimitMs(servers))}; ` +
    'SIGUSR2 or a second Ctrl-C ends it at once'
  )
}

/** How long a drain may take: the longest hammer time, in ms; negative if one server has no limit. */
export function drainLimitMs(servers: Servers): number {
  const times = [...servers].map(({ hammerTimeMs }) => hammerTimeMs)
  return times.some((timeMs) => timeMs < 0) ? -1 : Math.max(0, ...times)
}

/** Returns what keeps servers from ending: `1 request, 2 upgraded connections`; '' if nothing does. */
export function openNotice(servers: Servers): string {
  const counts = [...servers].map(({ connections }) => countConnections(connections))
  const sum = (count: (each: (typeof counts)[number]) => number): number =>
    counts.reduce((total, each) => total + count(each), 0)
  const requests = sum((each) => each.requests)
  const upgraded = sum(({ connections }) => connections.upgraded)
  const idle = sum(({ connections }) => connections.idle)
  const other = sum(({ connections }) => connections.open) - requests - upgraded - idle
  return [
    requests > 0 ? `${String(requests)} request${requests === 1 ? '' : 's'}` : '',
    upgraded > 0 ? connectionsOf(upgraded, 'upgraded') : '',
    idle > 0 ? connectionsOf(idle, 'idle') : '',
    other > 0 ? connectionsOf(other, 'other') : '',
  ]
    .filter((part) => part !== '')
    .join(', ')
}

/** Returns what to log when a thread is about to listen on a fixed address. */
export function threadNotice(address: string): string {
  return (
    `A worker thread listens on ${address}: a restart cannot hand that over, and is refused while it does. ` +
    'Listen in the main thread, or on port 0.'
  )
}

/** Names the sockets that nothing has claimed: `127.0.0.1:3000`, `127.0.0.1:3001 (admin)`. */
export function unclaimedNames({ held }: Ancestry): string[] {
  const unclaimed = held?.unclaimed ?? []
  return unclaimed.map(
    ({ bound, name }) => formatAddress(bound) + (name === undefined ? '' : ` (${name})`),
  )
}
