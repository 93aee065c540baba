// Proves that simulated handoffs keep their promises, that faults which were found stay mended, that a plan does the
// same again, and that a fault which is planted is found.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Escrow } from '../../core/dist/handoff/escrow.js'
import { Migration } from '../../core/dist/migration/migration.js'
import { ManagedServer } from '../../core/dist/server/managed-server.js'
import type { Plan } from '../src/run/plan.js'
import { run } from '../src/run/run.js'
import { simulate } from '../src/run/simulate.js'
import { found } from './found.js'

vi.setConfig({ testTimeout: 60_000 })

/** A restart whose successor dies when it serves. */
const death: Plan = {
  isSupervised: false,
  noise: 5,
  latencyMs: 200,
  releases: [],
  probationMs: 0,
  steps: [
    { afterMs: 0, do: 'restart', isAsked: false },
    { afterMs: 900, do: 'kill', isAsked: false },
  ],
  faults: [],
  keptClients: 2,
  freshClients: 4,
  workMs: 0,
  thinkMs: 10,
}

test.each([true, false])('nothing is lost, with a supervisor: %s', async (isSupervised) => {
  const { failure } = await simulate({ seed: 1, runs: 30, isSupervised })
  expect(failure).toBeUndefined()
})

test.each(found)('$what', async ({ plan }) => {
  expect((await run(plan)).violation).toBeUndefined()
})

test('the same plan does the same', async () => {
  const { trace, violation } = await run(death)
  expect(violation).toBeUndefined()
  expect((await run(death)).trace).toEqual(trace)
})

describe('is found:', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test('a predecessor that goes on accepting', async () => {
    vi.spyOn(ManagedServer.prototype, 'stopAccepting').mockImplementation(() => undefined)
    const { failure } = await simulate({ seed: 1, runs: 100, isSupervised: false })
    expect(failure?.outcome.violation?.invariant).toBe('one accepts')
    // Made as small as it gets: one restart, and nothing else.
    expect(failure?.plan).toMatchObject({ faults: [], keptClients: 0, freshClients: 0 })
  })

  test('a connection that goes on in the process that gave it away', async () => {
    vi.spyOn(Migration.prototype, 'adopted').mockImplementation(function (this: Migration, id) {
      this.declined(id)
    })
    const { failure } = await simulate({ seed: 1, runs: 100, isSupervised: false, shrinks: false })
    expect(failure?.outcome.violation?.invariant).toBe('one reader')
  })

  test('an escrow that is closed too early', async () => {
    vi.spyOn(Escrow.prototype, 'add').mockImplementation(({ handle }) => {
      handle.close()
    })
    expect((await run(death)).violation?.invariant).toBe('no client is refused')
  })
})
