// Proves that a wait is said once, when it has become long, and how long things are said to take.
import { beforeEach, expect, test } from 'vitest'
import { durationOf } from '../../src/api/duration.js'
import { createStderrLogger } from '../../src/api/logger.js'
import { limitOf, sayIfLong, type Wait } from '../../src/api/long-wait.js'
import { FakeSystem } from '../fake-system.js'

let system: FakeSystem

beforeEach(() => {
  system = new FakeSystem()
})

function wait(look: () => Wait | undefined): () => void {
  return sayIfLong({ system, logger: createStderrLogger(system) }, look)
}

test.each<[Wait, string]>([
  [{ what: 'the end' }, 'waiting for the end'],
  [{ what: 'the end', limitMs: 60_000 }, 'waiting for the end, at most 55 s'],
  [{ what: 'the end', limitMs: 5_250 }, 'waiting for the end, at most 250 ms'],
  [{ what: 'the end', limitMs: -1 }, 'waiting for the end, no time limit'],
])('%j', async (told, line) => {
  wait(() => told)
  await system.advance(4_999)
  expect(system.lines).toEqual([])
  await system.advance(60_000)
  expect(system.lines).toEqual([`[endless 100] ${line}\n`])
})

test('nothing is said of a wait that is over, or ends at that moment, or has nothing to say', async () => {
  wait(() => ({ what: 'the end' }))()
  wait(() => ({ what: 'the end', limitMs: 5_000 }))
  wait(() => undefined)
  await system.advance(10_000)
  expect([system.lines, system.pendingMs]).toEqual([[], []])
})

test.each([
  [0, '0 ms'],
  [12.4, '12 ms'],
  [999, '999 ms'],
  [1_000, '1 s'],
  [1_549, '1.5 s'],
  [60_000, '60 s'],
])('%d ms is said as %s', (timeMs, text) => {
  expect([durationOf(timeMs), limitOf(timeMs)]).toEqual([text, `at most ${text}`])
})
