// Proves that workers are added and taken away only while one of those that stay serves, and not during a probation.
import { beforeEach, expect, test } from 'vitest'
import { deferred } from '@endless/core/for-cli'
import type { SpawnRequest } from '@endless/core/for-cli'
import { Scaling } from '../../src/supervisor/scaling.js'
import type { Slot } from '../../src/supervisor/slot.js'
import type { Slots } from '../../src/supervisor/slots.js'
import { Turns } from '../../src/supervisor/turns.js'

class FakeSlot {
  current: object | undefined = {}
  isLeaving = false
  over: Promise<void> = Promise.resolve()

  untilSettled(): Promise<void> {
    return this.over
  }

  join(): Promise<void> {
    return Promise.resolve()
  }

  leave(): void {
    this.isLeaving = true
  }
}

let all: FakeSlot[]
let workers: number
let scaling: Scaling

const staying = (): FakeSlot[] => all.filter(({ isLeaving }) => !isLeaving)

beforeEach(() => {
  all = [new FakeSlot(), new FakeSlot()]
  workers = 2
  const slots = {
    get staying() {
      return staying()
    },
    get first() {
      return staying()[0]
    },
    get serving() {
      return staying().flatMap(({ current }) => current ?? [])
    },
  }
  scaling = new Scaling({
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    slots: slots as unknown as Slots,
    turns: new Turns(),
    workers: () => workers,
    launch: () => ({}) as SpawnRequest,
    add: () => {
      const slot = new FakeSlot()
      all.push(slot)
      return slot as unknown as Slot
    },
    changed: (count) => {
      workers = count
    },
  })
})

test('workers are added, also while the first one is being replaced', async () => {
  all[0]!.current = undefined
  await scaling.to(4)
  expect([workers, staying().length]).toEqual([4, 4])
})

test('the last ones go', async () => {
  await scaling.to(1)
  expect(all.map(({ isLeaving }) => isLeaving)).toEqual([false, true])
})

test('the only one that serves does not go', async () => {
  all[0]!.current = undefined
  await expect(scaling.to(1)).rejects.toMatchObject({
    code: 'ERR_ENDLESS_NOT_RUNNING',
    message: 'Cannot change the number of workers: none of those that would stay serves.',
  })
  expect([workers, staying().length]).toEqual([2, 2])
})

test('nothing changes while nobody serves', async () => {
  for (const slot of all) slot.current = undefined
  await expect(scaling.to(4)).rejects.toThrow('the service does not serve')
})

test('a restart and its probation end first: the others would start what may be rolled back', async () => {
  const over = deferred()
  all[0]!.over = over.promise
  const done = scaling.to(3)
  await new Promise((resolve) => setImmediate(resolve))
  expect(all).toHaveLength(2)
  over.resolve()
  await done
  expect(all).toHaveLength(3)
})
