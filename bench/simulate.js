// Simulates handoffs: the code of core and of the supervisor as it is, several processes in one, on a machine whose
// clock, lines and sockets are made up. fast-check draws the plans, and makes one that fails smaller.
//   npm run simulate -- --seed 7 --runs 10000 --supervised
// The same seed does the same. On a failure it prints the plan, and the messages of all processes.
import { parseArgs } from 'node:util'
import { simulate } from '@endless/simulate'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    runs: { type: 'string', default: '1000' },
    supervised: { type: 'boolean' },
    alone: { type: 'boolean' },
  },
})
const [seed, runs] = [values.seed, values.runs].map(Number)
const isSupervised = values.supervised ? true : values.alone ? false : undefined
const beganMs = performance.now()
const { runs: done, reached, failure } = await simulate({ seed, runs, isSupervised })
if (failure) {
  const { plan, outcome, path } = failure
  console.log(outcome.trace.join('\n'))
  console.log(`\nseed ${seed}, path ${path}: ${outcome.violation?.invariant}: ${outcome.violation?.message}`)
  console.log(JSON.stringify(plan))
}
console.log([...reached].sort().map(([name, count]) => `${name}: ${count}`).join('\n'))
console.log(`${done} runs from seed ${seed} in ${Math.round(performance.now() - beganMs)} ms`)
process.exit(failure ? 1 : 0)
