// Proves when the hammer falls: when its time is over, or at once when somebody lets it, but once.
import { beforeEach, expect, test } from 'vitest'
import { Hammer } from '../../src/connections/hammer.js'
import { FakeSystem } from '../fake-system.js'

let system: FakeSystem
let falls: number
let hammer: Hammer

beforeEach(() => {
  system = new FakeSystem()
  falls = 0
  hammer = new Hammer(() => falls++)
})

test('it falls when its time is over, not before', async () => {
  hammer.arm(system, 60_000)
  await system.advance(59_999)
  expect(falls).toBe(0)
  await system.advance(1)
  expect(falls).toBe(1)
})

test('with a time of 0 it falls at the next turn', async () => {
  hammer.arm(system, 0)
  expect(falls).toBe(0)
  await system.advance(0)
  expect(falls).toBe(1)
})

test('with a negative time it never falls by itself', () => {
  hammer.arm(system, -1)
  expect(system.pendingMs).toEqual([])
  hammer.strike()
  expect(falls).toBe(1)
})

test('when somebody lets it fall, its time no longer counts', async () => {
  hammer.arm(system, 1_000)
  hammer.strike()
  await system.advance(1_000)
  expect(falls).toBe(1)
})

test('disarmed, it does not fall', async () => {
  hammer.arm(system, 1_000)
  hammer.disarm()
  await system.advance(1_000)
  expect(falls).toBe(0)
})

test('it keeps no process alive', () => {
  const { setTimeout } = system
  let timer: NodeJS.Timeout | undefined
  system.setTimeout = (callback, delayMs) => {
    timer = setTimeout.call(system, callback, delayMs).ref()
    return timer
  }
  hammer.arm(system, 1_000)
  expect(timer?.hasRef()).toBe(false)
})
