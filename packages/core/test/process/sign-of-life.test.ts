// Proves when another process counts as blocked, and that the silence of both does not count.
import { beforeEach, expect, test } from 'vitest'
import { SignOfLife } from '../../src/process/sign-of-life.js'
import { FakeSystem } from '../fake-system.js'

let system: FakeSystem
let asked: number
let missed: number
let isBlocked: boolean
let life: SignOfLife

beforeEach(() => {
  system = new FakeSystem()
  asked = missed = 0
  isBlocked = false
  life = new SignOfLife({
    system,
    maxSilentMs: 2_000,
    ask: () => {
      asked++
      if (!isBlocked) life.heard()
    },
    missed: () => missed++,
  })
})

test('a process that answers is asked twice a second, and never missed', async () => {
  await system.advance(60_000)
  expect([asked, missed]).toEqual([120, 0])
})

test('one that is silent for long enough is missed, once', async () => {
  await system.advance(3_000)
  isBlocked = true
  await system.advance(2_000)
  expect(missed).toBe(0)
  await system.advance(1_000)
  expect(missed).toBe(1)
  await system.advance(60_000)
  expect(missed).toBe(1)
})

test('one that answers late is not', async () => {
  isBlocked = true
  for (let second = 0; second < 10; second++) {
    await system.advance(1_500)
    life.heard()
  }
  expect(missed).toBe(0)
})

test('time in which this process stood still counts for little', async () => {
  isBlocked = true
  await system.advance(500)
  system.stand(600_000)
  await system.advance(0)
  expect(missed).toBe(0)
  life.heard()
  isBlocked = false
  await system.advance(10_000)
  expect(missed).toBe(0)
})

test('nobody is asked any more at the end', async () => {
  life.end()
  await system.advance(10_000)
  expect([asked, missed, system.pendingMs]).toEqual([0, 0, []])
})
