// Proves how long a generation that died is waited for, before it is started again.
import { expect, test } from 'vitest'
import { BackOff } from '../src/supervisor/back-off.js'

test('the first death is answered at once, the next ones ever later, up to half a minute', () => {
  const backOff = new BackOff()
  const delays = Array.from({ length: 12 }, () => backOff.next(0))
  expect(delays.slice(0, 5)).toEqual([0, 100, 200, 400, 800])
  expect(delays.slice(-2)).toEqual([30_000, 30_000])
})

test('one that had served for ten seconds is replaced at once again', () => {
  const backOff = new BackOff()
  for (let death = 0; death < 5; death++) backOff.next(0)
  expect([backOff.next(9_999), backOff.next(10_000), backOff.next(0)]).toEqual([1_000, 0, 100])
})

test('one that had served, however short, is never waited for longer than a second', () => {
  const backOff = new BackOff()
  const delays = Array.from({ length: 8 }, () => backOff.next(20))
  expect(delays).toEqual([0, 100, 200, 400, 800, 1_000, 1_000, 1_000])
})
