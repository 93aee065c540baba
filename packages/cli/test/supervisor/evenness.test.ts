// Proves which worker gives how many connections, so that all have equally many and none moves without need.
import { expect, test } from 'vitest'
import { emptiest, surpluses } from '../../src/supervisor/evenness.js'

test.each([
  [
    [92, 3, 3, 2],
    [67, 0, 0, 0],
  ],
  [
    [16, 4],
    [6, 0],
  ],
  [
    [40, 30, 20, 10],
    [15, 5, 0, 0],
  ],
  [
    [3, 1],
    [1, 0],
  ],
])('of %j connections, the workers should give %j', (open, given) => {
  expect(surpluses(open)).toEqual(given)
})

test.each([
  ['they differ by one', [1, 0, 1, 0]],
  ['the fullest has less than a tenth above the mean', [27, 25, 25, 23]],
  ['there is one worker', [100]],
  ['there is none', []],
  ['one has not said what it has', [100, undefined]],
])('nothing moves if %s', (_, open) => {
  expect(surpluses(open).filter((count) => count > 0)).toEqual([])
})

test('no more are given at a time than move in a moment', () => {
  expect(surpluses([10_000, 0])).toEqual([500, 0])
})

test('connections that come one after the other are spread, before the workers say what they have', () => {
  const workers = [3, 0, 1].map((open) => ({ load: { open, utilization: 0 } }))
  const taken = [1, 2, 3, 4].map(() => workers.indexOf(emptiest(workers)!))
  expect(taken).toEqual([1, 1, 2, 1])
  const none: { load: undefined }[] = []
  const found = emptiest(none)
  expect(found).toBeUndefined()
})
