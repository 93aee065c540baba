// Proves which workers are restarted because they are too large or too old: one at a time, a minute apart, and none for
// the memory that it takes from its start.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Recycling } from '../../src/supervisor/recycling.js'
import type { Slot } from '../../src/supervisor/slot.js'
import { Turns } from '../../src/supervisor/turns.js'

const minute = 60_000

interface FakeGeneration {
  number: number
  pid: number
  startedMs: number
  memoryBytes: number
}

class FakeSlot {
  current: FakeGeneration
  isStopping = false
  readonly rollbacks = { isOnProbation: false }
  restarts = 0
  /** What a new generation takes. */
  startBytes = 50
  failure: Error | undefined

  constructor(pid: number) {
    this.current = { number: 0, pid, startedMs: Date.now(), memoryBytes: this.startBytes }
  }

  statusOf(generation: FakeGeneration): Promise<{ memoryBytes: number }> {
    return Promise.resolve({ memoryBytes: generation.memoryBytes })
  }

  restart(): Promise<void> {
    this.restarts++
    if (this.failure) return Promise.reject(this.failure)
    const { number, pid } = this.current
    const memoryBytes = this.startBytes
    this.current = { number: number + 1, pid: pid + 100, startedMs: Date.now(), memoryBytes }
    return Promise.resolve()
  }
}

const logged: string[] = []
const log = (line: string) => void logged.push(line)
let slots: FakeSlot[]

beforeEach(() => {
  vi.useFakeTimers()
  logged.length = 0
  slots = [new FakeSlot(1), new FakeSlot(2)]
})

afterEach(() => void vi.useRealTimers())

function start(limits: { maxMemoryBytes?: number; maxAgeMs?: number }, turns = new Turns()): void {
  new Recycling(
    {
      loggerOf: () => ({ info: log, warn: log, error: log }),
      turns,
      now: () => Date.now(),
      slots: () => slots as unknown as Slot[],
    },
    { maxMemoryBytes: 0, maxAgeMs: 0, ...limits },
  ).start()
}

const restarts = () => slots.map((slot) => slot.restarts)

test('a version on probation is left alone: what is rolled back is not to be restarted', async () => {
  slots[0]!.rollbacks.isOnProbation = true
  start({ maxAgeMs: minute })
  await vi.advanceTimersByTimeAsync(3 * minute)
  expect(restarts()[0]).toBe(0)
  slots[0]!.rollbacks.isOnProbation = false
  await vi.advanceTimersByTimeAsync(2 * minute)
  expect(restarts()[0]).toBe(1)
})

test('without limits nobody is looked at', async () => {
  start({})
  await vi.advanceTimersByTimeAsync(60 * minute)
  expect(restarts()).toEqual([0, 0])
  expect(vi.getTimerCount()).toBe(0)
})

test('workers that are too old restart one after the other, a minute apart', async () => {
  start({ maxAgeMs: 10 * minute })
  await vi.advanceTimersByTimeAsync(10 * minute + 2_000)
  expect(restarts()).toEqual([1, 0])
  await vi.advanceTimersByTimeAsync(minute - 4_000)
  expect(restarts()).toEqual([1, 0])
  await vi.advanceTimersByTimeAsync(4_000)
  expect(restarts()).toEqual([1, 1])
  await vi.advanceTimersByTimeAsync(9 * minute - 10_000)
  expect(restarts()).toEqual([1, 1])
  expect(logged).toEqual([
    expect.stringMatching(/^generation 0 \(pid 1\) is 10 min.* old: restarting it$/),
    expect.stringMatching(/^generation 0 \(pid 2\) is 11 min.* old: restarting it$/),
  ])
})

test('a worker that grows beyond the limit restarts, and again when it has grown again', async () => {
  start({ maxMemoryBytes: 100 })
  await vi.advanceTimersByTimeAsync(10 * minute)
  expect(restarts()).toEqual([0, 0])
  slots[1]!.current.memoryBytes = 101
  await vi.advanceTimersByTimeAsync(2_000)
  expect(restarts()).toEqual([0, 1])
  await vi.advanceTimersByTimeAsync(5 * minute)
  slots[1]!.current.memoryBytes = 101
  await vi.advanceTimersByTimeAsync(2_000)
  expect(restarts()).toEqual([0, 2])
})

test('what takes too much from its start is left alone, and told once', async () => {
  for (const slot of slots) slot.current.memoryBytes = 101
  start({ maxMemoryBytes: 100 })
  await vi.advanceTimersByTimeAsync(60 * minute)
  expect(restarts()).toEqual([0, 0])
  expect(logged).toEqual([
    expect.stringMatching(
      /^generation 0 \(pid 1\) takes .* from its start, more than --max-memory/,
    ),
  ])
})

test('a program that is beyond the limit within its first minute, each time, is restarted once', async () => {
  start({ maxMemoryBytes: 100 })
  await vi.advanceTimersByTimeAsync(2_000)
  for (let look = 0; look < 60; look++) {
    slots[0]!.current.memoryBytes += 20
    await vi.advanceTimersByTimeAsync(10_000)
  }
  expect(restarts()).toEqual([1, 0])
  expect(logged.at(-1)).toContain('from its start')
})

test('a restart that fails is told, and tried again after a minute', async () => {
  slots[0]!.failure = new Error('no database')
  start({ maxAgeMs: minute })
  await vi.advanceTimersByTimeAsync(minute + 4_000)
  expect(restarts()).toEqual([1, 0])
  expect(logged.at(-1)).toBe('generation 0 (pid 1) goes on: no database')
  await vi.advanceTimersByTimeAsync(minute)
  expect(restarts()).toEqual([2, 0])
})

test('one that nobody could look at in its first minute, and that takes too much, restarts', async () => {
  slots[0]!.current.memoryBytes = slots[1]!.current.memoryBytes = 50
  const turns = new Turns()
  start({ maxMemoryBytes: 100 }, turns)
  await vi.advanceTimersByTimeAsync(minute)
  const roll = turns.take(() => new Promise((resolve) => setTimeout(resolve, 10 * minute)))
  slots[0]!.current.memoryBytes = 101
  await vi.advanceTimersByTimeAsync(2 * minute)
  slots[1]!.current = { ...slots[1]!.current, number: 1, startedMs: Date.now(), memoryBytes: 101 }
  await vi.advanceTimersByTimeAsync(8 * minute)
  await roll
  await vi.advanceTimersByTimeAsync(2 * minute)
  expect(restarts()).toEqual([1, 1])
  expect(logged.join()).not.toContain('from its start')
})
