// Proves that the oldest successors that were rolled back are hammered when too many of them live, and not at once.
import { expect, test } from 'vitest'
import { EndlessError } from '../../src/api/endless-error.js'
import { deferred } from '../../src/node/waits.js'
import { Returning, roomMs } from '../../src/process/returning.js'
import { FakeSystem } from '../fake-system.js'

const end = new EndlessError('ERR_ENDLESS_SUCCESSOR_EXITED', 'it has ended')

test('the oldest beyond the limit are hammered, and those that have ended do not count', async () => {
  const system = new FakeSystem()
  const returning = new Returning(system)
  const hammered: string[] = []
  const exits = ['a', 'b', 'c', 'd'].map((name) => {
    const { promise: exited, resolve } = deferred<EndlessError>()
    returning.add({ exited, signal: (signal) => void hammered.push(`${name} ${signal}`) })
    return resolve
  })
  exits[1]?.(end)
  await Promise.resolve()
  expect(returning.limit(3)).toBe(3)
  expect(hammered).toEqual([])
  expect(returning.limit(1)).toBe(1)
  await system.advance(roomMs - 1)
  expect(hammered).toEqual([])
  await system.advance(1)
  expect(hammered).toEqual(['a SIGUSR2', 'c SIGUSR2'])
  expect(returning.limit(-1)).toBe(0)

  let hasEnded = false
  void returning.ended.then(() => (hasEnded = true))
  for (const exit of [exits[0], exits[2]]) exit?.(end)
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasEnded).toBe(false)
  exits[3]?.(end)
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasEnded).toBe(true)
})

test('one that does not react to the hammer is killed', async () => {
  const system = new FakeSystem()
  const returning = new Returning(system)
  const signals: string[] = []
  const { promise: exited, resolve } = deferred<EndlessError>()
  returning.add({ exited, signal: (signal) => void signals.push(signal) })
  returning.hammer()
  await system.advance(4_999)
  expect(signals).toEqual(['SIGUSR2'])
  await system.advance(1)
  expect(signals).toEqual(['SIGUSR2', 'SIGKILL'])
  returning.hammer()
  resolve(end)
  await system.advance(5_000)
  expect(signals).toEqual(['SIGUSR2', 'SIGKILL', 'SIGUSR2'])
})
