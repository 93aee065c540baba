// Proves which worker gives how many connections, so that all have equally many and none moves without need; and that
// one whose event loop is blocked gets none.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { emptiest, Evenness, surpluses } from '../../src/supervisor/evenness.js'
import type { Generation } from '../../src/supervisor/generation.js'
import type { Slot } from '../../src/supervisor/slot.js'

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

test('workers that have said nothing get equally many', () => {
  const workers: Pick<Generation, 'load'>[] = [{ load: undefined }, { load: undefined }]
  const taken = [1, 2, 3].map(() => workers.indexOf(emptiest(workers)!))
  expect(taken).toEqual([0, 1, 0])
})

describe('over time', () => {
  /** Two ticks: in one the workers are asked, and in the next they are told. */
  const roundMs = 500
  let workers: FakeWorker[]
  let evenness: Evenness

  class FakeWorker {
    owesLoad = false
    load: Generation['load']
    isBlocked = false
    readonly sent: string[] = []

    constructor(open: number) {
      this.load = { open, utilization: 0 }
    }

    send({ type }: { type: string }): Promise<boolean> {
      this.sent.push(type)
      if (type === 'measure' && !this.isBlocked) this.owesLoad = false
      return Promise.resolve(true)
    }
  }

  beforeEach(() => {
    vi.useFakeTimers()
    workers = [40, 40, 10].map((open) => new FakeWorker(open))
    evenness = new Evenness(() => workers.map((current) => ({ current }) as unknown as Slot))
    evenness.start()
  })

  afterEach(() => {
    evenness.stop()
    vi.useRealTimers()
  })

  const isAwake = (worker: FakeWorker) => evenness.isAwake(worker as unknown as Generation)

  test('the fullest give to the emptiest', () => {
    vi.advanceTimersByTime(roundMs)
    expect(workers.map(({ sent }) => sent)).toEqual([
      ['measure', 'give'],
      ['measure', 'give'],
      ['measure'],
    ])
  })

  test('one that is blocked takes nothing, is not asked again before it has answered, and then takes part', () => {
    const blocked = workers[2]!
    blocked.isBlocked = true
    vi.advanceTimersByTime(4 * roundMs)
    expect(isAwake(blocked)).toBe(false)
    expect(blocked.sent).toEqual(['measure'])
    expect(workers.flatMap(({ sent }) => sent)).not.toContain('give')
    blocked.isBlocked = blocked.owesLoad = false
    vi.advanceTimersByTime(2 * roundMs)
    expect(isAwake(blocked)).toBe(true)
    expect(workers[0]!.sent).toContain('give')
  })
})
