// Proves how a service counts: in groups of durations, and so that what two processes know together never falls.
import { expect, test } from 'vitest'
import { durationBounds, Tally } from '../../src/control/tally.js'

test('a restart is counted by its outcome, and in the first group that its duration fits into', () => {
  const tally = new Tally()
  tally.restarted('taken-over', 100)
  tally.restarted('taken-over', 101)
  tally.restarted('taken-over', 3_600_000)
  tally.restarted('failed')
  tally.restarted('rolled-back')
  const { restarts, durations, durationMs } = tally.counts
  expect(restarts).toEqual({ 'taken-over': 3, failed: 1, 'rolled-back': 1 })
  expect(durations).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 1])
  expect(durations).toHaveLength(durationBounds.length + 1)
  expect(durationMs).toBe(3_600_201)
})

test('what is told of it does not change any more', () => {
  const tally = new Tally()
  const before = tally.counts
  tally.moved('balance')
  tally.restarted('taken-over', 5)
  expect(before.moved.balance).toBe(0)
  expect(before.durations[0]).toBe(0)
})

test('of two processes that have counted the same, the one that knows more counts, in each sum', () => {
  const predecessor = new Tally()
  predecessor.restarted('failed')
  const successor = new Tally()
  successor.learn(predecessor.counts)
  for (const tally of [predecessor, successor]) {
    tally.restarted('taken-over', 400)
    tally.moved('restart')
  }
  predecessor.moved('restart')
  successor.restarted('failed')
  predecessor.learn(successor.counts)
  expect(predecessor.counts).toMatchObject({
    restarts: { 'taken-over': 1, failed: 2 },
    moved: { restart: 2 },
    durations: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    durationMs: 400,
  })
})

test('what another version tells is taken as far as it is understood', () => {
  const tally = new Tally()
  tally.moved('scale')
  tally.restarted('taken-over', 50)
  tally.learn()
  tally.learn({})
  tally.learn({ restarts: { failed: 4 } as never, durations: [7, 7], durationMs: 1_000_000 })
  expect(tally.counts).toMatchObject({
    restarts: { 'taken-over': 1, failed: 4, 'rolled-back': 0 },
    moved: { scale: 1 },
    durations: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    durationMs: 50,
  })
})
