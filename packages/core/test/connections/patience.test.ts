// Proves how long a drain waits for connections that are never idle.
import net from 'node:net'
import { beforeEach, expect, test } from 'vitest'
import { Patience } from '../../src/connections/patience.js'
import { FakeSystem } from '../fake-system.js'

let system: FakeSystem
let socket: net.Socket

beforeEach(() => {
  system = new FakeSystem()
  socket = new net.Socket()
})

test.each([
  ['a second', 60_000, 1_000],
  ['a quarter of a short hammer time', 2_000, 500],
  ['a second where no hammer falls', -1, 1_000],
])('a connection may be busy for %s', async (_, hammerTimeMs, limitMs) => {
  const patience = new Patience(system, hammerTimeMs)
  patience.noteBusy(socket)
  await system.advance(limitMs - 1)
  patience.noteBusy(socket)
  expect(patience.isOverFor(socket)).toBe(false)
  await system.advance(1)
  expect([patience.isOverFor(socket), patience.isOver]).toEqual([true, false])
})

test('the time begins anew when it was idle', async () => {
  const patience = new Patience(system, 60_000)
  patience.noteBusy(socket)
  await system.advance(900)
  patience.noteIdle(socket)
  patience.noteBusy(socket)
  await system.advance(900)
  expect(patience.isOverFor(socket)).toBe(false)
})

test.each([
  ['30 seconds', 300_000, 30_000],
  ['half of a shorter hammer time', 2_000, 1_000],
  ['30 seconds where no hammer falls', -1, 30_000],
])('no connection has a way out for longer than %s', async (_, hammerTimeMs, limitMs) => {
  const patience = new Patience(system, hammerTimeMs)
  await system.advance(limitMs - 1)
  expect(patience.isOver).toBe(false)
  await system.advance(1)
  patience.noteBusy(socket)
  expect([patience.isOver, patience.isOverFor(socket)]).toEqual([true, true])
})
