// Proves that the reference parser of OpenMetrics, which refuses what only looks like the format, takes the metrics of a
// service with workers that has restarted. Needs python3-prometheus-client (.ci/packages).
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'
import { get, superviseFixture, temporaryDirectory, until, valuesOf } from '../helpers/index.js'

const deadlineMs = 30_000

const script = `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for each in text_string_to_metric_families(sys.stdin.read()):
    print(each.name, each.type, each.unit)
`

test('the reference parser of OpenMetrics takes the metrics', async () => {
  const control = path.join(temporaryDirectory(), 'control.sock')
  const program = superviseFixture('tells-its-metrics.mjs', {
    runArgs: ['--control', control, '--workers', '2'],
  })
  const ask = (target: string, method = 'GET') =>
    get(0, target, { socketPath: control, method, deadlineMs })
  await program.waitForEvent('ready', { step: 'it serves', deadlineMs })
  await until(
    async () => valuesOf((await ask('/metrics')).body)['endless_workers{state="running"}'] === 2,
    { step: 'both workers serve', deadlineMs },
  )
  expect((await ask('/restart', 'POST')).status).toBe(200)
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', script], {
    input: (await ask('/metrics')).body,
    encoding: 'utf8',
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout.trim().split('\n')).toEqual([
    'endless_restarts counter ',
    'endless_restart_duration_seconds histogram seconds',
    'endless_connections_moved counter ',
    'endless_generation gauge ',
    'endless_workers gauge ',
    'endless_connections gauge ',
    'endless_requests_in_flight gauge ',
    'endless_event_loop_utilization gauge ',
    'endless_process_resident_memory_bytes gauge bytes',
  ])
})
