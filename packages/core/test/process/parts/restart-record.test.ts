// Proves what is remembered of the last restart.
import { beforeEach, expect, test } from 'vitest'
import { EndlessError } from '../../../src/api/endless-error.js'
import { Tally } from '../../../src/control/tally.js'
import { RestartRecord } from '../../../src/process/parts/restart-record.js'
import { FakeSystem } from '../../fake-system.js'

let system: FakeSystem
let record: RestartRecord
let tally: Tally

beforeEach(() => {
  system = new FakeSystem()
  tally = new Tally()
  record = new RestartRecord(system, tally)
})

test('each is counted by its outcome; a start in place of a dead generation is none', () => {
  const facts = { number: 1, pid: 101, dropped: [] }
  record.takenOver({ ...facts, durationMs: 230 })
  record.takenOver({ ...facts, durationMs: undefined })
  record.failed(1, new EndlessError('ERR_ENDLESS_SUCCESSOR_EXITED', 'after it had taken over'), 9)
  record.failed(2, new EndlessError('ERR_ENDLESS_READY_TIMEOUT', 'late'), 60_000)
  record.failed(2, new EndlessError('ERR_ENDLESS_ROLLED_BACK', 'bad'), 5_000)
  expect(tally.counts).toMatchObject({
    restarts: { 'taken-over': 1, failed: 1, 'rolled-back': 1 },
    durationMs: 230,
  })
})

test('there is none at first', () => {
  expect(record.last).toBeNull()
})

test('how long ago it was is counted when somebody asks', async () => {
  record.takenOver({ number: 1, pid: 101, durationMs: 230.4, dropped: ['127.0.0.1:80'] })
  await system.advance(500)
  expect(record.last).toEqual({
    outcome: 'taken-over',
    number: 1,
    pid: 101,
    durationMs: 230,
    dropped: ['127.0.0.1:80'],
    agoMs: 500,
    error: null,
  })
})

test('one of whose duration nobody has told has none', () => {
  record.takenOver({ number: 1, pid: 101, durationMs: undefined, dropped: undefined })
  expect(record.last).toMatchObject({ durationMs: null, dropped: [] })
})

test('a failed one has its reason', () => {
  const data = { pid: 101, exitCode: 1, signal: null, stderr: ['no database'] }
  const error = new EndlessError('ERR_ENDLESS_SUCCESSOR_EXITED', 'It exited.', data)
  record.failed(1, error, 80)
  expect(record.last).toMatchObject({
    outcome: 'failed',
    pid: 101,
    durationMs: 80,
    error: {
      code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
      message: 'It exited.',
      exitCode: 1,
      signal: null,
      stderr: ['no database'],
    },
  })
})

test('of one that could not be started there is no pid, and nothing that it has said', () => {
  record.failed(1, new EndlessError('ERR_ENDLESS_SPAWN_FAILED', 'No such command.'), 1)
  expect(record.last).toMatchObject({
    pid: null,
    error: { exitCode: null, signal: null, stderr: [] },
  })
})
