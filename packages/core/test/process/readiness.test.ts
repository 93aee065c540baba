// Proves the barrier: when a process says that it is ready, and when it does not.
import { beforeEach, describe, expect, test } from 'vitest'
import { Readiness, type ReadinessHost } from '../../src/process/readiness.js'
import { FakeSystem } from '../fake-system.js'

let system: FakeSystem
let seen: string[]
let source: { -readonly [key in keyof ReadinessHost]: ReadinessHost[key] }
let readiness: Readiness
const [a, b] = [{}, {}]

beforeEach(() => {
  system = new FakeSystem()
  seen = []
  source = {
    mode: 'listening',
    unclaimed: 0,
    unclaimedGraceMs: 10_000,
    isSuccessor: true,
    awaits: (graceMs) => void seen.push(`waits ${String(graceMs)}`),
    ready: () => void seen.push('ready'),
  }
  readiness = new Readiness(system, source)
})

describe("with 'listening'", () => {
  test('a process that listens nowhere is not ready', () => {
    readiness.closed(a)
    readiness.manually()
    expect(seen).toEqual([])
  })

  test('it waits for every listen that has begun', () => {
    readiness.listenBegun(a)
    readiness.listenBegun(b)
    readiness.begun(a)
    expect(seen).toEqual([])
    readiness.begun(b)
    expect(seen).toEqual(['ready'])
    expect(readiness.isReady).toBe(true)
  })

  test('it is ready once', () => {
    readiness.listenBegun(a)
    readiness.begun(a)
    readiness.listenBegun(b)
    readiness.begun(b)
    expect(seen).toEqual(['ready'])
  })

  test('a server that is closed before it listens is waited for no longer', () => {
    readiness.listenBegun(a)
    readiness.listenBegun(b)
    readiness.begun(a)
    readiness.closed(b)
    expect(seen).toEqual(['ready'])
  })

  test('a failed listen keeps a successor from taking over', () => {
    readiness.listenBegun(a)
    readiness.listenBegun(b)
    readiness.listenFailed(b)
    readiness.begun(a)
    expect(seen).toEqual([])
  })

  test('a failed listen that succeeds at the second attempt is forgotten', () => {
    readiness.listenBegun(a)
    readiness.listenFailed(a)
    readiness.listenBegun(a)
    readiness.begun(a)
    expect(seen).toEqual(['ready'])
  })

  test('generation 0 serves with what it has', () => {
    source.isSuccessor = false
    readiness.listenBegun(a)
    readiness.listenBegun(b)
    readiness.listenFailed(b)
    readiness.begun(a)
    expect(seen).toEqual(['ready'])
  })

  test('what nobody claims is given up when its grace is over', async () => {
    source.unclaimed = 1
    readiness.listenBegun(a)
    readiness.begun(a)
    await system.advance(9_999)
    expect(seen).toEqual(['waits 9500'])
    await system.advance(1)
    expect(seen).toEqual(['waits 9500', 'ready'])
  })

  test('the grace counts from the last listen', async () => {
    source.unclaimed = 2
    readiness.listenBegun(a)
    readiness.begun(a)
    await system.advance(9_000)
    readiness.listenBegun(b)
    source.unclaimed = 1
    readiness.begun(b)
    await system.advance(9_000)
    expect(seen).toEqual(['waits 9500', 'waits 9500'])
    await system.advance(1_000)
    expect(seen).toEqual(['waits 9500', 'waits 9500', 'ready'])
  })

  test('a listen that is still under way at the end of the grace is waited for', async () => {
    source.unclaimed = 2
    readiness.listenBegun(a)
    readiness.begun(a)
    readiness.listenBegun(b)
    await system.advance(10_000)
    expect(seen).not.toContain('ready')
    readiness.begun(b)
    await system.advance(10_000)
    expect(seen).toEqual(['waits 9500', 'ready'])
  })

  test('that it waits is said only when it takes a moment', async () => {
    source.unclaimed = 1
    readiness.listenBegun(a)
    readiness.begun(a)
    await system.advance(499)
    expect(seen).toEqual([])
    source.unclaimedGraceMs = 300
    readiness.begun(b)
    await system.advance(300)
    expect(seen).toEqual(['ready'])
  })

  test('when everything is claimed there is nothing to wait for', () => {
    source.unclaimed = 1
    readiness.listenBegun(a)
    readiness.begun(a)
    readiness.listenBegun(b)
    source.unclaimed = 0
    readiness.begun(b)
    expect(seen).toEqual(['ready'])
    expect(system.pendingMs).toEqual([])
  })
})

describe("with 'manual'", () => {
  beforeEach(() => {
    source.mode = 'manual'
  })

  test('it waits for the call', () => {
    readiness.listenBegun(a)
    readiness.begun(a)
    expect(seen).toEqual([])
    readiness.manually()
    expect(seen).toEqual(['ready'])
  })

  test('a call that comes too early counts when it listens', () => {
    readiness.manually()
    readiness.listenBegun(a)
    expect(seen).toEqual([])
    readiness.begun(a)
    expect(seen).toEqual(['ready'])
  })

  test('what is unclaimed is not waited for', () => {
    source.unclaimed = 1
    readiness.listenBegun(a)
    readiness.begun(a)
    readiness.manually()
    expect(seen).toEqual(['ready'])
    expect(system.pendingMs).toEqual([])
  })
})
