// Proves what is noted of a connection that moves: it is counted when the other process has it, and whoever subscribes
// hears of its start and of its end, however that comes.
import { tracingChannel } from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MoveTrace } from '../../src/api/diagnostics.js'
import { MoveRecord } from '../../src/handoff/move-record.js'
import { settle } from '../fake-system.js'

const connection = { type: 'connection', id: 1, bound: '127.0.0.1:80' } as const
const sent = Promise.resolve()
const channel = tracingChannel<unknown, MoveTrace>('endless.move')
const told: [phase: string, trace: MoveTrace][] = []
const subscriber = {
  start: (trace: MoveTrace) => void told.push(['start', { ...trace }]),
  asyncEnd: (trace: MoveTrace) => void told.push(['end', { ...trace }]),
}

let counted: string[]
let record: MoveRecord

beforeEach(() => {
  told.length = 0
  counted = []
  record = new MoveRecord(
    () => 'restart',
    (why) => counted.push(why),
  )
})

afterEach(() => {
  channel.unsubscribe(subscriber)
})

test('without a subscriber only what the other process has taken is counted', () => {
  expect(record.follow(connection, sent)).toBe(sent)
  record.answered('connection', 1, true)
  record.answered('connection', 2, false)
  expect(counted).toEqual(['restart'])
  expect(told).toEqual([])
})

test('a subscriber hears of each connection by its number and kind', async () => {
  channel.subscribe(subscriber)
  void record.follow(connection, sent)
  void record.follow({ ...connection, type: 'upgrade' }, sent)
  record.answered('upgrade', 1, false)
  record.answered('connection', 1, true)
  await settle()
  const trace = { why: 'restart', address: '127.0.0.1:80' }
  expect(told).toEqual([
    ['start', { ...trace, kind: 'connection' }],
    ['start', { ...trace, kind: 'upgrade' }],
    ['end', { ...trace, kind: 'upgrade', result: false }],
    ['end', { ...trace, kind: 'connection', result: true }],
  ])
  expect(counted).toEqual(['restart'])
})

test('one that could not be sent, and those whose answer is lost, have ended too', async () => {
  channel.subscribe(subscriber)
  const failed = Promise.reject(new Error('closed'))
  failed.catch(() => undefined)
  void record.follow(connection, failed)
  void record.follow({ ...connection, id: 2 }, sent)
  await settle()
  record.lose()
  await settle()
  expect(told.filter(([phase]) => phase === 'end').map(([, { result }]) => result)).toEqual([
    false,
    false,
  ])
  expect(counted).toEqual([])
})
