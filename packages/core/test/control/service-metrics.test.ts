// Proves what the metrics of a service say: the sums, and what is there now, of all processes that answer.
import { expect, test } from 'vitest'
import type { ListedGeneration, ServiceStatus } from '../../src/control/service.js'
import { serviceMetrics } from '../../src/control/service-metrics.js'
import { Tally } from '../../src/control/tally.js'

const connections = { open: 6, idle: 1, busy: 2, upgraded: 1, http2: 1, handshaking: 1 }

function generation(given: Partial<ListedGeneration>): ListedGeneration {
  return {
    number: 1,
    pid: 100,
    state: 'running',
    uptimeMs: 1_000,
    memoryBytes: 50_000_000,
    utilization: 0.25,
    servers: [{ address: '[::]:80', state: 'running', madeBy: 'code', connections, requests: 3 }],
    ...given,
  }
}

function status(generations: ListedGeneration[]): ServiceStatus {
  return {
    pid: 1,
    supervisor: {
      pid: 1,
      name: null,
      directory: '/',
      uptimeMs: 5_000,
      memoryBytes: 40_000_000,
      workers: 2,
    },
    generations,
    startingInMs: null,
    lastRestart: null,
    lastDeath: null,
  }
}

const none = new Tally().counts

/** Returns the lines of one metric, without the comments. */
function valuesOf(name: string, text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(name))
}

test('sums have a row for each outcome and reason, also where nothing has happened yet', () => {
  const tally = new Tally()
  tally.restarted('taken-over', 300)
  tally.restarted('taken-over', 700)
  tally.moved('restart')
  const text = serviceMetrics(status([]), tally.counts)
  expect(valuesOf('endless_restarts', text)).toEqual([
    'endless_restarts_total{outcome="taken-over"} 2',
    'endless_restarts_total{outcome="failed"} 0',
    'endless_restarts_total{outcome="rolled-back"} 0',
  ])
  expect(valuesOf('endless_connections_moved', text)).toEqual([
    'endless_connections_moved_total{why="restart"} 1',
    'endless_connections_moved_total{why="rollback"} 0',
    'endless_connections_moved_total{why="balance"} 0',
    'endless_connections_moved_total{why="scale"} 0',
  ])
  expect(valuesOf('endless_restart_duration_seconds', text)).toEqual([
    'endless_restart_duration_seconds_bucket{le="0.1"} 0',
    'endless_restart_duration_seconds_bucket{le="0.25"} 0',
    'endless_restart_duration_seconds_bucket{le="0.5"} 1',
    'endless_restart_duration_seconds_bucket{le="1.0"} 2',
    'endless_restart_duration_seconds_bucket{le="2.5"} 2',
    'endless_restart_duration_seconds_bucket{le="5.0"} 2',
    'endless_restart_duration_seconds_bucket{le="10.0"} 2',
    'endless_restart_duration_seconds_bucket{le="30.0"} 2',
    'endless_restart_duration_seconds_bucket{le="60.0"} 2',
    'endless_restart_duration_seconds_bucket{le="+Inf"} 2',
    'endless_restart_duration_seconds_sum 1',
    'endless_restart_duration_seconds_count 2',
  ])
})

test('what all processes have is put together, and each has rows of its own', () => {
  const text = serviceMetrics(
    status([
      generation({ slot: 0, state: 'shutting-down' }),
      generation({ slot: 0, number: 2, pid: 200 }),
      generation({ slot: 1, number: 1, pid: 300, state: 'restarting' }),
      generation({
        slot: 1,
        number: 2,
        pid: 400,
        state: 'booting',
        memoryBytes: null,
        servers: [],
      }),
    ]),
    none,
  )
  expect(valuesOf('endless_generation', text)).toEqual([
    'endless_generation{slot="0"} 2',
    'endless_generation{slot="1"} 1',
  ])
  expect(valuesOf('endless_workers', text)).toEqual([
    'endless_workers{state="booting"} 1',
    'endless_workers{state="running"} 1',
    'endless_workers{state="restarting"} 1',
    'endless_workers{state="shutting-down"} 1',
    'endless_workers{state="staying-behind"} 0',
    'endless_workers{state="unresponsive"} 0',
  ])
  expect(valuesOf('endless_connections{', text)).toEqual([
    'endless_connections{state="idle"} 3',
    'endless_connections{state="busy"} 6',
    'endless_connections{state="upgraded"} 3',
    'endless_connections{state="http2"} 3',
    'endless_connections{state="handshaking"} 3',
  ])
  expect(valuesOf('endless_requests_in_flight', text)).toEqual(['endless_requests_in_flight 9'])
  expect(valuesOf('endless_process_resident_memory_bytes', text)).toEqual([
    'endless_process_resident_memory_bytes{process="supervisor"} 40000000',
    'endless_process_resident_memory_bytes{process="worker",slot="0",generation="1",pid="100"} 50000000',
    'endless_process_resident_memory_bytes{process="worker",slot="0",generation="2",pid="200"} 50000000',
    'endless_process_resident_memory_bytes{process="worker",slot="1",generation="1",pid="300"} 50000000',
  ])
})

test('a process that does not answer is counted, and has no other row', () => {
  const unresponsive = generation({ slot: 1, pid: 300, state: 'unresponsive', memoryBytes: null })
  const text = serviceMetrics(status([generation({ slot: 0 }), unresponsive]), none)
  expect(text).toContain('endless_workers{state="unresponsive"} 1\n')
  expect(text).not.toContain('pid="300"')
  expect(text).toContain('endless_requests_in_flight 3\n')
  expect(valuesOf('endless_event_loop_utilization', text)).toEqual([
    'endless_event_loop_utilization{slot="0",generation="1",pid="100"} 0.25',
  ])
})

test('two that say in turn that they serve in a slot give one row: that of the newer one', () => {
  const text = serviceMetrics(
    status([
      generation({ slot: 0, state: 'restarting' }),
      generation({ slot: 0, number: 2, pid: 200 }),
    ]),
    none,
  )
  expect(valuesOf('endless_generation', text)).toEqual(['endless_generation{slot="0"} 2'])
})

test('without a supervisor there is one slot, and states that pass at once count as their neighbours', () => {
  const text = serviceMetrics(
    {
      ...status([generation({ state: 'init' }), generation({ state: 'terminate' })]),
      supervisor: null,
    },
    none,
  )
  expect(text).not.toContain('process="supervisor"')
  expect(text).toContain('endless_workers{state="booting"} 1\n')
  expect(text).toContain('endless_workers{state="shutting-down"} 1\n')
  expect(text).toContain('{process="worker",slot="0",')
})
