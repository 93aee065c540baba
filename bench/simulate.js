// Simulates handoffs: the code of core and of the supervisor as it is, several processes in one, on a machine whose
// clock, lines and sockets are made up; Node's sockets, servers and HTTP parser run on these. Models stand for Node's
// IPC channel (kernel/line-end.ts), for what the preload does to the process (process/boot.ts, process/child-channel.ts)
// and for clients. fast-check draws the plans: what is done to the service, how long each message takes, and which
// process dies or freezes at which message.
//   npm run simulate -- --seed 7 --runs 10000 --supervised
// The same seed does the same. A plan that fails is made smaller, and printed with the messages of all processes; with
// --plan '{…}' it runs alone. Without --supervised or --alone, half of the plans are of either kind.
import { parseArgs } from 'node:util'
import { colors, formatTable } from '@endless/load'
import { missedGoals, run, simulate } from '@endless/simulate'

/** From how many runs on each goal must have been reached. */
const enoughRuns = 10_000

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    runs: { type: 'string', default: '1000' },
    supervised: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
    plan: { type: 'string' },
  },
})

process.exit((await (values.plan === undefined ? simulateAll() : replay(values.plan))) ? 0 : 1)

async function replay(text) {
  const { violation, trace } = await run(JSON.parse(text))
  console.log(trace.join('\n'))
  return violation === undefined
}

async function simulateAll() {
  const [seed, runs] = [values.seed, values.runs].map(Number)
  const isEither = values.supervised === values.alone
  const beganMs = performance.now()
  const report = await simulate({
    seed,
    runs,
    isSupervised: isEither ? undefined : values.supervised,
  })
  const { failure, reached } = report
  const rows = [...reached].sort().map(([name, count]) => [name, String(count)])
  console.log(formatTable([{ title: 'reached' }, { title: 'times' }], rows))
  const missed = missedGoals(reached)
  if (missed.length > 0) console.log(`\nnot reached: ${missed.join(', ')}`)
  if (failure) tell(seed, failure)
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1)
  const isGood = !failure && (missed.length === 0 || !isEither || runs < enoughRuns)
  const text = `${failure ? 1 : 0} failures in ${report.runs} runs from seed ${seed}, ${seconds} s`
  console.log((isGood ? colors.green : colors.red)(`\n${text}`))
  return isGood
}

function tell(seed, { plan, outcome, path }) {
  const { invariant, message } = outcome.violation ?? {}
  console.log(`\n${colors.dim(outcome.trace.join('\n'))}`)
  console.log(colors.red(`\n${invariant}: ${message}`))
  console.log(`seed ${seed}, path ${path}; again with --plan '${JSON.stringify(plan)}'`)
}
