export { missedGoals } from './run/goals.js'
export type { Plan } from './run/plan.js'
export { type Outcome, run } from './run/run.js'
export { type Failure, type Report, simulate, type Wish } from './run/simulate.js'
