import { type Metric, openMetricsText, type Sample } from './open-metrics.js'
import type { ListedGeneration, ServiceStatus } from './service.js'
import { type Counts, durationBounds, moveReasons, restartOutcomes } from './tally.js'

// The metrics of a service, made of its status and its sums. docs/observing.md describes each of them.

/** States in which a process is counted: those of the status, but for two that pass at once. */
const states = [
  'booting',
  'running',
  'restarting',
  'shutting-down',
  'staying-behind',
  'unresponsive',
] as const

const connectionStates = ['idle', 'busy', 'upgraded', 'http2', 'handshaking'] as const

/** Writes the metrics of a service in the OpenMetrics text format. */
export function serviceMetrics(status: ServiceStatus, counts: Counts): string {
  return openMetricsText([...sumsOf(counts), ...presentOf(status)])
}

function sumsOf({ restarts, moved, durations, durationMs }: Counts): Metric[] {
  return [
    {
      name: 'endless_restarts',
      type: 'counter',
      help: 'Restarts that have ended. One that was rolled back had taken over, and is counted as both.',
      samples: restartOutcomes.map((outcome) => total({ outcome }, restarts[outcome])),
    },
    {
      name: 'endless_restart_duration_seconds',
      type: 'histogram',
      unit: 'seconds',
      help: 'Time from the request for a restart until the new version had taken over.',
      samples: histogram(durations, durationMs),
    },
    {
      name: 'endless_connections_moved',
      type: 'counter',
      help: 'Open connections that have moved from one process to another.',
      samples: moveReasons.map((why) => total({ why }, moved[why])),
    },
  ]
}

function presentOf({ generations, supervisor }: ServiceStatus): Metric[] {
  const heard = generations.filter(({ state }) => state !== 'unresponsive')
  const servers = heard.flatMap((each) => each.servers)
  const sum = (numbers: number[]): number => numbers.reduce((one, other) => one + other, 0)
  return [
    {
      name: 'endless_generation',
      type: 'gauge',
      help: 'Number of the generation that serves in a slot.',
      samples: [...servingIn(generations)].map(([slot, number]) => ({
        labels: { slot },
        value: number,
      })),
    },
    {
      name: 'endless_workers',
      type: 'gauge',
      help: 'Processes of the service by their state, without the supervisor.',
      samples: states.map((state) => ({
        labels: { state },
        value: generations.filter((each) => countedAs(each) === state).length,
      })),
    },
    {
      name: 'endless_connections',
      type: 'gauge',
      help: 'Open connections by what they do.',
      samples: connectionStates.map((state) => ({
        labels: { state },
        value: sum(servers.map(({ connections }) => connections[state])),
      })),
    },
    {
      name: 'endless_requests_in_flight',
      type: 'gauge',
      help: 'Requests whose response is not complete.',
      samples: [{ value: sum(servers.map(({ requests }) => requests)) }],
    },
    {
      name: 'endless_event_loop_utilization',
      type: 'gauge',
      help: 'Share of time in which the event loop of a process was busy, 0 to 1, since it was last asked.',
      samples: heard.flatMap((each) =>
        each.utilization === undefined ? [] : { labels: labelsOf(each), value: each.utilization },
      ),
    },
    {
      name: 'endless_process_resident_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Resident memory of a process.',
      samples: [
        ...(supervisor
          ? [{ labels: { process: 'supervisor' }, value: supervisor.memoryBytes }]
          : []),
        ...heard.flatMap((each) =>
          each.memoryBytes === null
            ? []
            : { labels: { process: 'worker', ...labelsOf(each) }, value: each.memoryBytes },
        ),
      ],
    },
  ]
}

function total(labels: Record<string, string>, value: number): Sample {
  return { suffix: '_total', labels, value }
}

/** Each bucket of a histogram counts those in the smaller ones, too. */
function histogram(counts: readonly number[], sumMs: number): Sample[] {
  let count = 0
  const buckets = counts.map((each, at): Sample => {
    count += each
    return { suffix: '_bucket', labels: { le: boundText(durationBounds[at]) }, value: count }
  })
  return [...buckets, { suffix: '_sum', value: sumMs / 1_000 }, { suffix: '_count', value: count }]
}

/** The format wants a decimal point in a bound, so that all that expose it agree on its text. */
function boundText(bound: number | undefined): string {
  if (bound === undefined) return '+Inf'
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound)
}

/** Returns the number of the generation that serves in each slot: of two that say so in turn, the newer one. */
function servingIn(generations: readonly ListedGeneration[]): Map<number, number> {
  const serving = generations.filter(({ state }) => state === 'running' || state === 'restarting')
  return new Map(serving.map(({ slot = 0, number }) => [slot, number]))
}

function countedAs({ state }: ListedGeneration): (typeof states)[number] {
  if (state === 'init') return 'booting'
  if (state === 'terminate') return 'shutting-down'
  return state
}

/** With the pid: while a generation that was rolled back lives, the next one has the same number. */
function labelsOf({ slot = 0, number, pid }: ListedGeneration): Record<string, number> {
  return { slot, generation: number, pid }
}
