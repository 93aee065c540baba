// Proves that the drawing of many requests leaves out none that matters, and that the connections add up.
import { expect, test } from 'vitest'
import { bandOf } from '../src/page/band.js'
import { lostDot, thin } from '../src/page/thin.js'
import { Recorder } from '../src/record/recorder.js'

const connection = { number: 1, kind: 'kept' }

test('of 100,000 requests every lost one and the slowest are drawn, and less than a tenth', () => {
  const recorder = new Recorder()
  const durationMs = 100_000
  for (let at = 0; at < 100_000; at++) {
    recorder.requests.add({
      sentMs: at,
      endedMs: at + (at === 77_777 ? 5_000 : 1 + (at % 7)),
      outcome: at % 1_000 === 500 ? 'reset' : 'answered',
      process: -1,
      connection: 1,
    })
  }
  const dots = thin(recorder, durationMs)
  expect(dots.total).toBe(100_000)
  expect(dots.times.length).toBeLessThan(10_000)
  expect(dots.generations.filter((generation) => generation === lostDot)).toHaveLength(100)
  expect(dots.latenciesMs).toContain(5_000)
  expect(dots.times).toEqual([...dots.times].sort((one, other) => one - other))
})

test('a connection is counted for the process that has it, until it ends', () => {
  const recorder = new Recorder()
  recorder.start()
  const first = recorder.answeredBy(4711)
  recorder.restarts.push({ atMs: 0 })
  const second = recorder.answeredBy(4712)
  const traces = [1, 2, 3].map(() => recorder.connections.begin('kept'))
  for (const trace of traces) {
    trace.opened()
    trace.answeredBy(first)
  }
  traces[0]?.answeredBy(second)
  traces[1]?.ended('while-idle')
  const band = bandOf(recorder, 60_000)
  recorder.stop()
  expect(band.open.map(({ generation, counts }) => [generation, counts.at(-1)])).toEqual([
    [0, 1],
    [1, 1],
  ])
  const sum = (counts: readonly number[]): number => counts.reduce((total, each) => total + each, 0)
  expect([sum(band.moved), sum(band.closed)]).toEqual([1, 1])
})

test('a lost request is told with its call, its connection and what the system said', () => {
  const recorder = new Recorder()
  recorder.start()
  recorder.ended({
    sentMs: 0,
    outcome: 'reset',
    detail: 'ECONNRESET',
    call: 'GET /',
    process: -1,
    connection,
  })
  recorder.stop()
  expect(recorder.failures).toMatchObject([
    { kind: 'reset', call: 'GET /', connection: 'kept 1', detail: 'ECONNRESET' },
  ])
})
