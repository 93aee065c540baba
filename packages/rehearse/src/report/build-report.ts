import { cpus, release, totalmem, type } from 'node:os'
import type { ConnectionEvent, ConnectionKind } from '../record/connection-log.js'
import { isLost, outcomes, type Outcome } from '../record/outcome.js'
import type { Recorder } from '../record/recorder.js'
import type { Stall } from '../record/client-stalls.js'
import { Latencies } from './latencies.js'
import type { ConnectionCounts, Report, RestartReport, Split } from './report.js'
import { type Limits, verdictOn } from './verdict.js'
import { type Window, windowAt, windowsOf } from './windows.js'

/** What a report says that no record has. */
export type Circumstances = Pick<
  Report,
  | 'date'
  | 'endedBy'
  | 'url'
  | 'protocol'
  | 'server'
  | 'command'
  | 'durationMs'
  | 'processesKnownBy'
  | 'areRestartsSeen'
  | 'respawns'
>

/**
 * The beginning of the load, whose latencies are left out: connections are opened, and the server's code is cold, which
 * would make calm look slow.
 */
export const warmUpMs = 1_000

interface Tally {
  outcomes: Record<Outcome, Split>
  calmMs: number[]
  restartsMs: number[]
  /** For each window. */
  windows: { requests: number; lost: number; answeredMs: number[] }[]
  stalledRequests: number
}

/** Adds up what was recorded. */
export function buildReport(
  recorder: Recorder,
  circumstances: Circumstances,
  limits: Limits,
): Report {
  const windows = windowsOf(recorder.restarts, circumstances.durationMs)
  const stalls = recorder.stalls.all
  const tally = tallyOf(recorder, windows, stalls)
  const total = (outcome: Outcome): number =>
    tally.outcomes[outcome].calm + tally.outcomes[outcome].restarts
  const calm = new Latencies(tally.calmMs).summary
  const restarts = new Latencies(tally.restartsMs).summary
  const { events } = recorder.connections
  const report = {
    version: 1 as const,
    ...circumstances,
    machine: machine(),
    requests: {
      total: recorder.requests.length,
      answered: total('answered'),
      lost: outcomes.filter(isLost).reduce((sum, outcome) => sum + total(outcome), 0),
      turnedAway: total('turned-away'),
      skipped: recorder.skipped,
      unasked: recorder.unasked,
      outcomes: tally.outcomes,
    },
    latency: {
      calm,
      restarts,
      p99Ratio: calm.count > 0 && restarts.count > 0 ? restarts.p99Ms / calm.p99Ms : null,
    },
    connections: connectionsOf(events),
    restarts: recorder.restarts.map((_, at) => restartOf(recorder, at, windows, tally)),
    processes: recorder.processes.all,
    client: {
      delay: recorder.stalls.delay,
      stalls: stalls.length,
      stalledMs: stalls.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
      longestStallMs: Math.max(0, ...stalls.map(({ fromMs, toMs }) => toMs - fromMs)),
      stalledRequests: tally.stalledRequests,
    },
    failures: recorder.failures,
  }
  return { ...report, verdict: verdictOn(report, limits) }
}

function tallyOf(recorder: Recorder, windows: Window[], stalls: readonly Stall[]): Tally {
  const tally: Tally = {
    outcomes: Object.fromEntries(
      outcomes.map((outcome) => [outcome, { calm: 0, restarts: 0 }]),
    ) as Record<Outcome, Split>,
    calmMs: [],
    restartsMs: [],
    windows: windows.map(() => ({ requests: 0, lost: 0, answeredMs: [] })),
    stalledRequests: 0,
  }
  for (const { sentMs, endedMs, outcome } of recorder.requests) {
    const at = windowAt(windows, sentMs, endedMs)
    const window = tally.windows[at]
    tally.outcomes[outcome][window ? 'restarts' : 'calm']++
    if (outcome === 'answered' && sentMs >= warmUpMs) {
      ;(window ? tally.restartsMs : tally.calmMs).push(endedMs - sentMs)
      window?.answeredMs.push(endedMs - sentMs)
    }
    if (window) {
      window.requests++
      if (isLost(outcome)) window.lost++
    }
    if (meets(stalls, sentMs, endedMs)) tally.stalledRequests++
  }
  return tally
}

/** Whether a span has part of a stall; stalls are in the order of time. */
function meets(stalls: readonly Stall[], fromMs: number, toMs: number): boolean {
  let low = 0
  let high = stalls.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((stalls[middle]?.toMs ?? Infinity) < fromMs) low = middle + 1
    else high = middle
  }
  return (stalls[low]?.fromMs ?? Infinity) <= toMs
}

function restartOf(recorder: Recorder, at: number, windows: Window[], tally: Tally): RestartReport {
  const { atMs = 0, doneMs, what = '', error } = recorder.restarts[at] ?? {}
  const { fromMs, toMs } = windows[at] ?? { fromMs: 0, toMs: 0 }
  const { requests, lost, answeredMs } = tally.windows[at] ?? {
    requests: 0,
    lost: 0,
    answeredMs: [],
  }
  const latency = new Latencies(answeredMs).summary
  const first = recorder.processes.firstOf(at + 1)
  const events = recorder.connections.events.filter(
    (event) => event.kind !== 'fresh' && event.atMs >= fromMs && event.atMs <= toMs,
  )
  return {
    number: at + 1,
    what,
    atMs,
    doneAfterMs: doneMs === undefined ? null : doneMs - atMs,
    pid: first?.pid ?? null,
    firstAnswerAfterMs: first ? first.firstAnswerMs - atMs : null,
    windowMs: toMs - fromMs,
    requests,
    lost,
    p99Ms: latency.p99Ms,
    maxMs: latency.maxMs,
    moved: events.filter(({ what: happened }) => happened === 'moved').length,
    closed: events.filter(({ what: happened }) => isClosedByServer(happened)).length,
    error: error ?? null,
  }
}

/** Whether the server closed the connection, politely or not. */
export function isClosedByServer(what: ConnectionEvent['what']): boolean {
  return what === 'announced' || what === 'while-idle' || what === 'in-request'
}

function connectionsOf(
  events: readonly ConnectionEvent[],
): Record<ConnectionKind, ConnectionCounts> {
  const none = (): ConnectionCounts => ({
    opened: 0,
    moved: 0,
    'by-client': 0,
    announced: 0,
    'while-idle': 0,
    'in-request': 0,
    'given-up': 0,
    'not-opened': 0,
  })
  const counts = { kept: none(), fresh: none(), idle: none(), websocket: none() }
  for (const { kind, what } of events) counts[kind][what]++
  return counts
}

function machine(): Report['machine'] {
  const [first] = cpus()
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
  }
}
