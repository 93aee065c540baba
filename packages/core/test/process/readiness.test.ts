// Proves the barrier: when a process says that it is ready, and when it does not.
import { beforeEach, describe, expect, test } from 'vitest'
import { Readiness, type ReadinessHost } from '../../src/process/readiness.js'
import { FakeSystem } from '../fake-system.js'

let system: FakeSystem
let seen: string[]
let source: { -readonly [key in keyof ReadinessHost]: ReadinessHost[key] }
let readiness: Readiness
const log = (line: string): void => void logged.push(line)
let logged: string[]
const [a, b] = [{ awaits: 'beforeBegin of [::]:1' }, { awaits: 'beforeBegin of [::]:2' }]
const [one, two] = [['[::]:1'], ['[::]:1', '[::]:2']]

beforeEach(() => {
  system = new FakeSystem()
  seen = []
  logged = []
  source = {
    mode: 'listening',
    unclaimed: [],
    unclaimedGraceMs: 10_000,
    isSuccessor: true,
    logger: { info: log, warn: log, error: log },
    ready: () => void seen.push('ready'),
  }
  readiness = new Readiness(system, source)
})

describe("with 'listening'", () => {
  test('a UDP socket makes no process ready, and may be the last that was waited for', () => {
    readiness.claimed()
    expect(seen).toEqual([])
    source.unclaimed = ['udp:[::]:53']
    readiness.listenBegun(a)
    readiness.begun(a)
    source.unclaimed = []
    expect(seen).toEqual([])
    readiness.claimed()
    expect(seen).toEqual(['ready'])
  })

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
    source.unclaimed = one
    readiness.listenBegun(a)
    readiness.begun(a)
    await system.advance(9_999)
    expect(seen).toEqual([])
    await system.advance(1)
    expect(seen).toEqual(['ready'])
  })

  test('the grace counts from the last listen', async () => {
    source.unclaimed = two
    readiness.listenBegun(a)
    readiness.begun(a)
    await system.advance(9_000)
    readiness.listenBegun(b)
    source.unclaimed = one
    readiness.begun(b)
    await system.advance(9_000)
    expect(seen).toEqual([])
    await system.advance(1_000)
    expect(seen).toEqual(['ready'])
  })

  test('a listen that is still under way at the end of the grace is waited for', async () => {
    source.unclaimed = two
    readiness.listenBegun(a)
    readiness.begun(a)
    readiness.listenBegun(b)
    await system.advance(10_000)
    expect(seen).not.toContain('ready')
    readiness.begun(b)
    await system.advance(10_000)
    expect(seen).toEqual(['ready'])
  })

  test('when everything is claimed there is nothing to wait for', () => {
    source.unclaimed = one
    readiness.listenBegun(a)
    readiness.begun(a)
    readiness.listenBegun(b)
    source.unclaimed = []
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
    source.unclaimed = one
    readiness.listenBegun(a)
    readiness.begun(a)
    readiness.manually()
    expect(seen).toEqual(['ready'])
    expect(system.pendingMs).toEqual([])
  })
})

describe('a wait of 5 s is said, once', () => {
  const said = async (afterMs = 5_000): Promise<string[]> => {
    await system.advance(afterMs - 1)
    expect(logged).toEqual([])
    await system.advance(1)
    const lines = [...logged]
    await system.advance(4_000)
    expect(logged).toEqual(lines)
    return lines
  }

  test('for a first listen', async () => {
    source.unclaimed = two
    expect(await said()).toEqual(['waiting for listen on [::]:1, [::]:2'])
  })

  test('for another listen, which is given up in time', async () => {
    await system.advance(3_000)
    source.unclaimed = one
    readiness.listenBegun(a)
    readiness.begun(a)
    expect(await said()).toEqual(['waiting for listen on [::]:1, at most 5 s'])
  })

  test('for servers that have not begun', async () => {
    readiness.listenBegun(a)
    readiness.listenBegun(b)
    expect(await said()).toEqual(['waiting for beforeBegin of [::]:1, beforeBegin of [::]:2'])
  })

  test('for the call', async () => {
    source.mode = 'manual'
    source.unclaimed = one
    readiness.listenBegun(a)
    readiness.begun(a)
    expect(await said()).toEqual(['waiting for generation.ready()'])
  })

  test('but none that is over, fails, or ends at that moment', async () => {
    source.unclaimed = one
    source.unclaimedGraceMs = 5_000
    readiness.listenBegun(a)
    readiness.begun(a)
    await system.advance(5_000)
    readiness = new Readiness(system, source)
    readiness.listenBegun(b)
    readiness.listenFailed(b)
    await system.advance(20_000)
    expect(logged).toEqual([])
  })

  test('and nothing of a generation 0 that does not listen', async () => {
    source.isSuccessor = false
    source.unclaimed = one
    readiness = new Readiness(system, source)
    await system.advance(4_000)
    expect(system.pendingMs).toHaveLength(1) // of the successor in `beforeEach`
  })
})
