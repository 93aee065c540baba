export { type Outcome, run } from './run/run.js'
export type { Plan } from './run/plan.js'
