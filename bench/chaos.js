// Does random operations to a service under load: restarts by signal and by command, to one process or to
// any, status, stops and continues, kills, bad and slow releases, streams and tunnels that keep generations
// draining. Checks after each round what must hold, then stops the service and starts the next life, with the
// next seed.
//   npm run chaos -- --seed 7 --seconds 60 --supervised
// On a failure it prints the seed, what was done when, and what was heard: with --seed the same operations come
// again. --lives 1 ends after one life, --rounds 1 makes it short, --only 0 leaves out all rounds but the first,
// --keep-going counts the failures.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { colors, endAll, formatTable, live } from '@endless/load'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    seconds: { type: 'string', default: '60' },
    lives: { type: 'string', default: 'Infinity' },
    rounds: { type: 'string', default: '2' },
    only: { type: 'string' },
    supervised: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})
const [first, seconds, most, rounds] = [
  values.seed,
  values.seconds,
  values.lives,
  values.rounds,
].map(Number)
const { supervised } = values
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const options = {
  program: path('../test/fixtures/lives-dangerously.mjs'),
  endless: path('../packages/cli/bin/endless.js'),
  supervised,
  rounds,
  only: values.only === undefined ? undefined : Number(values.only),
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const sums = { lives: 0, generations: 0, victims: 0, answered: 0, excused: 0 }
const failures = []
try {
  await chaos()
} catch (error) {
  console.error(colors.red(error.stack))
  failures.push(error)
}
await endAll()
verdict()

async function chaos() {
  console.log(`seed ${first}, ${supervised ? 'supervised' : 'alone'}, for ${seconds} s`)
  const endMs = performance.now() + seconds * 1_000
  for (let seed = first; performance.now() < endMs && sums.lives < most; seed++) {
    const report = await live({ ...options, seed })
    sums.lives++
    for (const name of ['generations', 'victims', 'answered', 'excused']) sums[name] += report[name]
    const { violation } = report
    if (violation) {
      failures.push(violation)
      const after = `${violation.operations} operations of round ${violation.round}`
      console.log(colors.red(`seed ${seed}, after ${after}: ${violation.message}`))
    } else console.log(`seed ${seed}: ${report.generations} generations, ${report.victims} died`)
    if (violation || values.verbose) console.log(colors.dim(report.history))
    if (violation && !values['keep-going']) return
  }
}

function verdict() {
  const counts = new Map()
  for (const { invariant = 'an error' } of failures) {
    counts.set(invariant, (counts.get(invariant) ?? 0) + 1)
  }
  const rows = [...Object.entries(sums), ...counts].map(([name, count]) => [name, String(count)])
  console.log(`\n${formatTable([{ title: 'chaos' }, { title: '', align: 'right' }], rows)}`)
  const color = failures.length === 0 ? colors.green : colors.red
  console.log(color(`\n${failures.length} failures in ${sums.lives} lives from seed ${first}`))
  process.exit(failures.length === 0 ? 0 : 1)
}
