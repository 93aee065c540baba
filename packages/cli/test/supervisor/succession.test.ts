// Proves who takes the place of a generation that dies while it is not yet known whether it serves again.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Chain } from '../../src/supervisor/chain.js'
import type { Death } from '../../src/supervisor/death.js'
import type { Generation } from '../../src/supervisor/generation.js'
import type { Replacement } from '../../src/supervisor/replacement.js'
import type { SlotHost } from '../../src/supervisor/slot-host.js'
import type { StandIn } from '../../src/supervisor/stand-in.js'
import { Succession } from '../../src/supervisor/succession.js'

const death: Death = { code: null, signal: 'SIGKILL', stderr: [] }

let chain: Chain
let succession: Succession
let seen: string[]
let workers: number
let stoodStillMs: number

beforeEach(() => {
  vi.useFakeTimers()
  seen = []
  workers = 1
  stoodStillMs = 0
  chain = new Chain()
  const host = {
    now: () => performance.now() + stoodStillMs,
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    workers: () => workers,
    dyingAlike: () => ({ count: 1, tells: true }),
    restartFailed: () => undefined,
  } as unknown as SlotHost
  const replacement = {
    booting: undefined,
    deaths: 1,
    died: () => undefined,
    left: () => undefined,
    schedule: ({ number }: Generation) => seen.push(`replaces ${String(number)}`),
    served: () => undefined,
  } as unknown as Replacement
  const standIn = { keep: () => undefined } as unknown as StandIn
  succession = new Succession(host, chain, standIn, replacement)
})

afterEach(() => {
  vi.useRealTimers()
})

/** Adds a generation that takes over from another one. */
function takesOver(number: number, predecessor?: Generation): Generation {
  const generation = boots(number, predecessor)
  chain.changeCurrent(generation, performance.now())
  return generation
}

function boots(number: number, predecessor?: Generation): Generation {
  const generation = {
    number,
    pid: 100 + number,
    rolledBack: new Map(),
    escrow: { close: () => undefined },
    send: () => Promise.resolve(true),
    signal: (signal: string) => seen.push(`${signal} to ${String(number)}`),
    isHopeful: false,
    isGivenUp: false,
  } as unknown as Generation
  chain.add(generation, predecessor)
  return generation
}

function dies(generation: Generation): void {
  Object.assign(generation, { hasEnded: true })
  succession.ended(generation, death)
}

test('the oldest of three is asked when the middle one dies before it says that it serves again', () => {
  const oldest = takesOver(0)
  const middle = takesOver(1, oldest)
  const newest = takesOver(2, middle)
  dies(newest)
  expect(middle.isHopeful).toBe(true)
  dies(middle)
  expect([oldest.isHopeful, seen]).toEqual([true, []])
  succession.declined(oldest)
  expect(seen).toEqual(['replaces 2'])
})

test('one that was given up ends when another one serves: it may listen on a part of its sockets', () => {
  const old = takesOver(0)
  const dead = takesOver(1, old)
  dies(dead)
  vi.advanceTimersByTime(3_000)
  expect([old.isGivenUp, seen]).toEqual([true, ['replaces 1']])
  succession.served(takesOver(2))
  expect(seen).toEqual(['replaces 1', 'SIGTERM to 0'])
})

test('a worker that drains is replaced, and again if its replacement dies', () => {
  workers = 2
  succession.left(takesOver(0))
  const replacement = boots(1)
  seen = []
  dies(replacement)
  expect(seen).toEqual(['replaces 0'])
})

test('a predecessor has 3 s to report, without the time in which the supervisor stood still', () => {
  const predecessor = takesOver(0)
  const dead = takesOver(1, predecessor)
  dies(dead)
  stoodStillMs = 60_000
  vi.advanceTimersByTime(2_000)
  expect([predecessor.isGivenUp, seen]).toEqual([false, []])
  vi.advanceTimersByTime(500)
  expect([predecessor.isGivenUp, seen]).toEqual([true, ['replaces 1']])
})
