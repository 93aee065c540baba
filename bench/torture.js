// Restarts a program back to back under clients that do everything that HTTP/1.1 allows and check every byte,
// until enough connections have migrated. Prints the seed, and each failure with its connection's history.
//   npm run torture -- --migrations 100000 --connections 500 --seed 7
// With --no-migration, the server closes connections and the clients open new ones. With --supervised, the
// program runs under a supervisor; with --workers 4, so many of it do, which also give connections to each other.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { colors, createTorture, endAll, formatTable, startProgram, until } from '@endless/load'

const { values } = parseArgs({
  options: {
    migrations: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '500' },
    restarts: { type: 'string', default: '1000' },
    'no-migration': { type: 'boolean', default: false },
    supervised: { type: 'boolean', default: false },
    workers: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
})
const [migrations, connections, mostRestarts, workers, seed] = [
  values.migrations,
  values.connections,
  values.restarts,
  values.workers,
  values.seed,
].map(Number)
const isSupervised = values.supervised || workers > 1
const migrates = !values['no-migration']
// After this many restarts without a single migration, there will be none.
const hopeless = 20
const printedFailures = 10
const deadlineMs = 60_000
/** Workers even their connections out between two restarts. */
const balanceMs = workers > 1 ? 1_000 : 0

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

let passed = false
try {
  passed = await torture()
} catch (error) {
  console.error(colors.red(error.message))
}
await endAll()
process.exit(passed ? 0 : 1)

async function torture() {
  console.log(`seed ${seed}: ${connections} connections, until ${migrations} have migrated`)
  const fixture = fileURLToPath(new URL('../test/fixtures/hashes.mjs', import.meta.url))
  // Restarts follow each other faster than a drain ends: nothing should be hammered for that.
  const options = { maxGenerations: 1_000, migrateConnections: migrates }
  const endless = fileURLToPath(new URL('../packages/cli/bin/endless.js', import.meta.url))
  const program = startProgram({
    args: [
      ...(isSupervised ? [endless, 'run', '--workers', String(workers)] : []),
      ...[fixture, JSON.stringify(options)],
    ],
  })
  await serves(program, 0)
  const { port } = program.current
  const clients = createTorture({ port, connections, seed, mayClose: !migrates })
  clients.start()

  let restarts = 0
  let report
  do {
    program.signal('SIGHUP', workers > 1 ? program.pid : program.current.pid)
    restarts++
    await serves(program, restarts)
    await sleep(balanceMs)
    report = clients.snapshot()
    if (process.stdout.isTTY || restarts % 20 === 0) progress(report, restarts)
  } while (
    report.migrated < migrations &&
    report.failures.length < printedFailures &&
    restarts < (report.migrated === 0 ? hopeless : mostRestarts)
  )

  report = await clients.stop()
  program.signal('SIGTERM', isSupervised ? program.pid : program.current.pid)
  let handled = 0
  for (const { pid } of program.generations) {
    const { counted } = await program.waitForEvent(
      (each) => each.event === 'counted' && each.pid === pid,
      { step: `${pid} ends`, deadlineMs },
    )
    handled += counted
  }
  return verdict({ ...report, handled }, restarts)
}

/** Resolves when each worker has this generation. */
function serves(program, number) {
  return until(
    () => program.generations.filter(({ generation }) => generation === number).length >= workers,
    { step: `generation ${number} serves`, deadlineMs, explain: () => program.output.toString() },
  )
}

function progress({ migrated, answered, failures }, restarts) {
  const text = `${restarts} restarts, ${migrated} migrations, ${answered} answers, ${failures.length} failures`
  process.stdout.write(process.stdout.isTTY ? `\r\x1b[2K${text}` : `${text}\n`)
}

function verdict({ failures, ...counts }, restarts) {
  const twice = counts.handled - counts.counted
  console.log('\n')
  console.log(
    formatTable(
      [{ title: 'torture' }, { title: '', align: 'right' }],
      [['restarts', restarts], ...Object.entries(counts)],
    ),
  )
  for (const failure of failures.slice(0, printedFailures)) console.log(`\n${colors.red(failure)}`)
  const sound = failures.length === 0 && twice >= 0 && twice <= counts.unreadAfterClose
  if (twice !== 0) console.log(`\n${twice} requests were handled more often than answered`)
  const enough = !migrates || counts.migrated >= migrations
  const color = sound && enough ? colors.green : colors.red
  console.log(color(`\n${failures.length} failures, ${counts.migrated} migrations, seed ${seed}`))
  return sound && enough
}
