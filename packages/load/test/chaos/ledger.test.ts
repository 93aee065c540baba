// Proves that a death explains the loss of what the dead held, and no other loss.
import { beforeEach, expect, test } from 'vitest'
import { Ledger } from '../../src/chaos/ledger.js'

let ledger: Ledger
const from = (clientPort: number, serverPort = 80) => ({ clientPort, serverPort })
const reset = { what: 'a request', code: 'ECONNRESET' }

beforeEach(() => {
  ledger = new Ledger()
  ledger.holds(41, from(5_001), 1_000)
  ledger.holds(42, from(5_002), 1_000)
  ledger.died(41, 20_000)
})

test('what the dead held is lost with them', () => {
  expect(ledger.explain({ ...reset, connection: from(5_001), atMs: 20_005 })).toBe(41)
})

test('what was lost long before the death has another reason', () => {
  expect(ledger.explain({ ...reset, connection: from(5_001), atMs: 10_000 })).toBeUndefined()
})

test('what a living process held is not explained by a death at another time', () => {
  expect(ledger.explain({ ...reset, connection: from(5_002), atMs: 30_000 })).toBeUndefined()
})

test('a connection that had moved away is not explained by the death of the process that had had it', () => {
  ledger.holds(42, from(5_001), 2_000)
  expect(ledger.explain({ ...reset, connection: from(5_001), atMs: 30_000 })).toBeUndefined()
})

test('a connection that nobody has told of may have been accepted in the moment of a death', () => {
  expect(ledger.explain({ ...reset, connection: from(5_003), atMs: 20_500 })).toBe(41)
  expect(ledger.explain({ ...reset, connection: from(5_003), atMs: 22_000 })).toBeUndefined()
})

test('a connection of a process that gave way may have been on its way to one that died', () => {
  ledger.gaveWay(42)
  expect(ledger.explain({ ...reset, connection: from(5_002), atMs: 20_500 })).toBe(41)
})

test('a connection of a process that serves is not on its way to anybody', () => {
  expect(ledger.explain({ ...reset, connection: from(5_002), atMs: 20_500 })).toBeUndefined()
})

test('a connection that was adopted after a death was not lost by it', () => {
  ledger.gaveWay(42)
  ledger.holds(42, from(5_002), 20_200)
  expect(ledger.explain({ ...reset, connection: from(5_002), atMs: 20_500 })).toBeUndefined()
})

test('a connection from the same port to another server is another one', () => {
  ledger.holds(42, from(5_001, 81), 2_000)
  expect(ledger.explain({ ...reset, connection: from(5_001), atMs: 20_005 })).toBe(41)
  expect(ledger.explain({ ...reset, connection: from(5_001, 81), atMs: 20_005 })).toBeUndefined()
})

test('a later connection from the same port does not hide that the dead held the one before', () => {
  ledger.holds(42, from(5_001), 20_900)
  expect(ledger.explain({ ...reset, connection: from(5_001), atMs: 20_005 })).toBe(41)
})

test('nothing explains a refusal', () => {
  const refused = { what: 'a request', code: 'ECONNREFUSED', connection: from(5_001), atMs: 20_000 }
  expect(ledger.explain(refused)).toBeUndefined()
})
