// Proves that a seed gives the same operations again, and another seed others.
import { expect, test } from 'vitest'
import type { Operation } from '../../src/chaos/operation.js'
import { planRound } from '../../src/chaos/plan.js'
import { Random } from '../../src/torture/random.js'

const plan = (seed: number, supervised = false) => planRound(new Random(seed), { supervised })

test('the same seed gives the same operations', () => {
  expect(plan(7)).toEqual(plan(7))
  expect(plan(7, true)).toEqual(plan(7, true))
})

test('other seeds give other operations', () => {
  const plans = Array.from({ length: 100 }, (_, seed) => JSON.stringify(plan(seed)))
  expect(new Set(plans).size).toBeGreaterThan(95)
})

test('every kind of operation comes, and nothing dies in a round in which the service is stopped', () => {
  const operations = (stops: boolean) =>
    Array.from({ length: 300 }, (_, seed) =>
      planRound(new Random(seed), { supervised: true, stops }).map(({ operation }) => operation),
    ).flat()
  const kinds = new Set(operations(false).map(({ kind }) => kind))
  const all = ['block', 'command', 'hang-up', 'hold', 'kill', 'pause', 'release', 'storm']
  expect([...kinds].sort()).toEqual(all)
  const deadly = (operation: Operation) =>
    operation.kind === 'kill' || (operation.kind === 'release' && operation.fate.dies !== undefined)
  expect(operations(false).some(deadly)).toBe(true)
  expect(operations(true).some(deadly)).toBe(false)
})

test('only under a supervisor is anything meant for it', () => {
  const roles = (supervised: boolean) =>
    JSON.stringify(Array.from({ length: 300 }, (_, seed) => plan(seed, supervised)))
  expect(roles(true)).toContain('"supervisor"')
  expect(roles(false)).not.toContain('"supervisor"')
})
