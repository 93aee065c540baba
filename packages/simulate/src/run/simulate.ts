import fc from 'fast-check'
import { anyPlan } from './any-plan.js'
import type { Plan } from './plan.js'
import { type Outcome, run } from './run.js'

/** What is to be simulated. */
export interface Wish {
  seed: number
  runs: number
  /** Whether all plans have a supervisor; by default some have. */
  isSupervised?: boolean | undefined
  /** Whether a plan that fails is made smaller. @default it is */
  shrinks?: boolean
}

/** What came of it. */
export interface Report {
  runs: number
  /** How often each message was sent, and each phase was reached. */
  reached: Map<string, number>
  failure: Failure | undefined
}

/** The smallest plan that was found to fail. */
export interface Failure {
  plan: Plan
  outcome: Outcome
  /** By which fast-check finds it again. */
  path: string
}

/** Runs plans until one fails, which is made smaller then. */
export async function simulate({
  seed,
  runs,
  isSupervised,
  shrinks = true,
}: Wish): Promise<Report> {
  const reached = new Map<string, number>()
  let done = 0
  const property = fc.asyncProperty(anyPlan(isSupervised), async (plan) => {
    const outcome = await run(plan)
    done++
    for (const [what, count] of outcome.reached) reached.set(what, (reached.get(what) ?? 0) + count)
    return outcome.violation === undefined
  })
  const details = await fc.check(property, { seed, numRuns: runs, endOnFailure: !shrinks })
  const [plan] = details.counterexample ?? []
  const failure = plan && {
    plan,
    outcome: await run(plan),
    path: details.counterexamplePath ?? '',
  }
  return { runs: done, reached, failure }
}
