// Proves how long a generation that died is waited for, before it is started again.
import { expect, test } from 'vitest'
import { BackOff } from '../../src/supervisor/back-off.js'

/** The delay after another death. */
function next(backOff: BackOff, servedMs: number): number {
  backOff.died(servedMs)
  return backOff.delayMs
}

test('the first death is answered at once, the next ones ever later, up to half a minute', () => {
  const backOff = new BackOff()
  const delays = Array.from({ length: 12 }, () => next(backOff, 0))
  expect(delays.slice(0, 5)).toEqual([0, 100, 200, 400, 800])
  expect(delays.slice(-2)).toEqual([30_000, 30_000])
})

test('one that had served for ten seconds is replaced at once again', () => {
  const backOff = new BackOff()
  for (let death = 0; death < 5; death++) next(backOff, 0)
  expect([next(backOff, 9_999), next(backOff, 10_000), next(backOff, 0)]).toEqual([1_000, 0, 100])
  expect(backOff.deaths).toBe(2)
})

test('one that had served, however short, is never waited for longer than a second', () => {
  const backOff = new BackOff()
  const delays = Array.from({ length: 8 }, () => next(backOff, 20))
  expect(delays).toEqual([0, 100, 200, 400, 800, 1_000, 1_000, 1_000])
})
