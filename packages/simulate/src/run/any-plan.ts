import fc from 'fast-check'
import type { Release } from '../process/release.js'
import type { Fault, Plan, Step } from './plan.js'

// Draws plans. What comes first among choices is what a failing plan shrinks to.

const ms = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most })

const release: fc.Arbitrary<Release> = fc.record({
  boot: fc.oneof(
    { weight: 12, arbitrary: fc.constant('good' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'throws' as const,
        'exits' as const,
        'hangs' as const,
        'cannot start' as const,
      ),
    },
  ),
  helloMs: ms(30),
  loadMs: ms(200),
  waits: fc.boolean(),
})

const step: fc.Arbitrary<Step> = fc.record({
  afterMs: fc.oneof(ms(300), ms(6_000)),
  do: fc.oneof(
    { weight: 8, arbitrary: fc.constant('restart' as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        'kill' as const,
        'stop' as const,
        'status' as const,
        'freeze' as const,
        'hammer' as const,
        'rollback' as const,
        'prove' as const,
      ),
    },
  ),
  isAsked: fc.boolean(),
})

const fault: fc.Arbitrary<Fault> = fc.record({
  at: fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 150 }) },
  ),
  when: fc.constantFrom('arrives', 'sent'),
  who: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('from' as const, 'to' as const) },
    { weight: 1, arbitrary: fc.constant('supervisor' as const) },
  ),
  what: fc.constantFrom('kill', 'freeze'),
  forMs: fc.oneof(ms(100), ms(4_000), ms(30_000)),
  areTimersFirst: fc.boolean(),
})

/** @param isSupervised what all plans are; by default some are, and some are not */
export function anyPlan(isSupervised?: boolean): fc.Arbitrary<Plan> {
  return fc.record({
    isSupervised: isSupervised === undefined ? fc.boolean() : fc.constant(isSupervised),
    noise: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    latencyMs: fc.constantFrom(1, 20, 200),
    releases: fc.array(release, { minLength: 1, maxLength: 4 }),
    probationMs: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 100, max: 3_000 }) },
    ),
    steps: fc
      .array(step, { minLength: 0, maxLength: 3 })
      .map((steps) => [{ afterMs: 0, do: 'restart' as const, isAsked: false }, ...steps]),
    faults: fc.array(fault, { minLength: 0, maxLength: 2 }),
    keptClients: ms(4),
    freshClients: ms(2),
    workMs: fc.constantFrom(0, 10, 300),
    thinkMs: fc.constantFrom(10, 200, 1_000),
  })
}
