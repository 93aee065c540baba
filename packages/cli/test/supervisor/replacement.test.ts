// Proves what becomes of the place of a dead generation: another start later and later, or at once when somebody asks,
// and no wait without limit for one that hangs.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Generation } from '../../src/supervisor/generation.js'
import { Replacement } from '../../src/supervisor/replacement.js'
import type { SlotHost } from '../../src/supervisor/slot-host.js'

interface Fake {
  number: number
  pid: number
  launch: { command: string }
  readyTimeoutMs?: number | undefined
  isReady: boolean
  hasEnded: boolean
  signals: string[]
  errors: string[]
}

let nextPid = 100

function createGeneration(number: number): Generation & Fake {
  const fake: Fake = {
    number,
    pid: nextPid++,
    launch: { command: 'node' },
    isReady: false,
    hasEnded: false,
    signals: [],
    errors: [],
  }
  const methods = {
    signal: (signal: string) => fake.signals.push(signal),
    lastWords: { diedOf: ({ message }: { message: string }) => fake.errors.push(message) },
  }
  // As an object of that class, without a process.
  const properties = Object.getOwnPropertyDescriptors(Object.assign(fake, methods))
  return Object.create(Generation.prototype, properties) as Generation & Fake
}

const logged: string[] = []
const log = (line: string) => void logged.push(line)
const death = { code: 1, signal: null, error: 'Error: bad', stderr: ['last words'] }
let started: (Generation & Fake)[]
let failure: Error | undefined
let dead: Generation & Fake
let replacement: Replacement

beforeEach(() => {
  vi.useFakeTimers()
  logged.length = 0
  started = []
  failure = undefined
  dead = createGeneration(0)
  const world = {
    logger: { info: log, warn: log, error: log },
    now: () => Date.now(),
  } as unknown as SlotHost
  replacement = new Replacement(world, (_launch, number) => {
    if (failure) return Promise.resolve(failure)
    const generation = createGeneration(number)
    started.push(generation)
    return generation
  })
})

afterEach(() => void vi.useRealTimers())

/** The one that boots dies; as the supervisor does, another one is then asked for. */
function die(): void {
  const generation = started.at(-1)!
  generation.hasEnded = true
  replacement.died(generation, death, 0)
  replacement.schedule(dead)
}

async function crashLoop(deaths: number): Promise<void> {
  replacement.died(dead, death, 1)
  replacement.schedule(dead)
  await vi.advanceTimersByTimeAsync(0)
  for (let death = 1; death < deaths; death++) {
    die()
    if (death < deaths - 1) await vi.advanceTimersByTimeAsync(replacement.startingInMs!)
  }
}

test('it tells when the next start is due, and how many have died', async () => {
  await crashLoop(5)
  expect(replacement.startingInMs).toBe(800)
  expect(replacement.deaths).toBe(5)
  await vi.advanceTimersByTimeAsync(300)
  expect(replacement.startingInMs).toBe(500)
  await vi.advanceTimersByTimeAsync(500)
  expect(replacement.startingInMs).toBeNull()
  expect(replacement.booting).toBe(started.at(-1))
})

test('whoever does not want to wait has it started at once, and hears when it serves', async () => {
  await crashLoop(8)
  const { length } = started
  const served = replacement.hasten()
  expect(started).toHaveLength(length + 1)
  expect(replacement.startingInMs).toBeNull()
  replacement.served(started.at(-1)!)
  expect(await served).toBe(started.at(-1))
  await vi.advanceTimersByTimeAsync(100_000)
  expect(started).toHaveLength(length + 1)
})

test('if that one dies, too, it hears why, and the next one comes ever later', async () => {
  await crashLoop(5)
  const served = expect(replacement.hasten()).rejects.toMatchObject({
    code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
    message: expect.stringMatching(
      /^Generation 1 \(pid \d+\) exited with code 1: Error: bad\.$/,
    ) as string,
    exitCode: 1,
    stderr: ['last words'],
  })
  die()
  await served
  expect(replacement.startingInMs).toBe(1_600)
})

test('whoever asks while one boots joins it', async () => {
  await crashLoop(3)
  await vi.advanceTimersByTimeAsync(replacement.startingInMs!)
  const { length } = started
  const both = [replacement.hasten(), replacement.hasten()]
  replacement.served(started.at(-1)!)
  expect(await Promise.all(both)).toEqual([started.at(-1), started.at(-1)])
  expect(started).toHaveLength(length)
})

test('one that cannot be started is told of, and tried again', async () => {
  await crashLoop(4)
  failure = new Error('spawn node ENOENT')
  const served = expect(replacement.hasten()).rejects.toMatchObject({
    code: 'ERR_ENDLESS_SPAWN_FAILED',
    message: 'Cannot start node: spawn node ENOENT',
  })
  await vi.advanceTimersByTimeAsync(0)
  await served
  expect(replacement.startingInMs).toBe(800)
})

test('a shutdown is told to whoever waits', async () => {
  await crashLoop(4)
  const served = expect(replacement.hasten()).rejects.toMatchObject({
    code: 'ERR_ENDLESS_SHUTTING_DOWN',
  })
  replacement.cancel()
  await served
})

test.each([
  ['readyTimeoutMs of what it replaces', 3_000, 3_000, '3 s'],
  ['minute, where that has not told', undefined, 60_000, '60 s'],
])('one that hangs while it boots is ended after the %s', async (_what, known, timeoutMs, said) => {
  dead.readyTimeoutMs = known
  await crashLoop(1)
  await vi.advanceTimersByTimeAsync(timeoutMs - 1)
  expect(started[0]!.signals).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(started[0]!.signals).toEqual(['SIGKILL'])
  expect(started[0]!.errors).toEqual([`not ready after ${said}`])
})

test('one that serves in time is left alone', async () => {
  await crashLoop(1)
  replacement.served(started[0]!)
  await vi.advanceTimersByTimeAsync(600_000)
  expect(started[0]!.signals).toEqual([])
})
