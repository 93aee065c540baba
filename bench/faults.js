// At each message of a restart, a drain, a roll and a rollback, in a service of real processes under load, lets each
// fault happen once, and compares what becomes of it with docs/faults.md.
//   npm run faults -- --only 'taken-over × successor killed'
// Exits with 1 if a cell is worse than written there. --tenth 3 runs a tenth of the cells, --only those with these
// words in their names, --worse those that are written as worse than promised, --jobs 4 so many at once. --write
// writes down what happened, and with --worst keeps what was worse before: some faults hit or miss by chance. --json
// prints it.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  allCells,
  canMount,
  cellsLike,
  colors,
  endAll,
  formatTables,
  needsMount,
  promiseOf,
  readTables,
  runCells,
  tenthOf,
  worseThan,
} from '@endless/load'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    tenth: { type: 'string' },
    worse: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(2 * os.availableParallelism()) },
    write: { type: 'boolean', default: false },
    worst: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const files = {
  program: path('../test/faults/serves.mjs'),
  preload: path('../test/faults/watches.cjs'),
  endless: path('../packages/cli/bin/endless.js'),
}
const page = path('../docs/faults.md')
const startOfTables = '<!-- Below, all is written by `npm run faults -- --write`. -->'

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    // What has been seen so far counts: the rest keeps what is written.
    if (values.write) write()
    process.exit(1)
  })
}

const all = allCells()
const written = readPage()
const chosen = choose()
const isAbleToMount = chosen.some(({ fault }) => needsMount(fault)) && canMount()
const cells = chosen.filter(({ fault }) => !needsMount(fault) || isAbleToMount)
const outcomes = []
const worse = []
const say = values.json ? () => undefined : console.log
await run()
await endAll()
if (values.write) write()
if (values.json) console.log(JSON.stringify({ worse, outcomes }, null, 2))
verdict()

function choose() {
  const some = values.tenth === undefined ? all : tenthOf(all, Number(values.tenth))
  const known = values.worse
    ? some.filter(({ id }) => (written.get(id)?.broken.length ?? 0) > 0)
    : some
  const like = values.only === undefined ? known : cellsLike(known, values.only)
  if (like.length > 0) return like
  console.error(values.only === undefined ? 'No cell.' : `No cell is like '${values.only}'.`)
  process.exit(2)
}

async function run() {
  const jobs = Number(values.jobs)
  say(`${cells.length} of ${all.length} cells, ${jobs} at once`)
  if (cells.length < chosen.length) {
    say(`${chosen.length - cells.length} are not run here: a full disk needs root, to mount one`)
  }
  await runCells(cells, files, { jobs, onEnd })
}

function onEnd(outcome) {
  outcomes.push(outcome)
  const { id, broken, serving, durationMs, excused } = outcome
  const isNews = worseThan(written.get(id), outcome)
  const known = broken.length === 0 || isNews.length > 0 ? '' : ', as bad as is written'
  const told = `${id}: ${serving}${known}, ${excused} excused, ${durationMs} ms`
  if (isNews.length === 0) {
    say(values.verbose ? told : colors.dim(told))
    return
  }
  worse.push({ ...outcome, broken: isNews })
  const cell = all.find((each) => each.id === id)
  say(colors.red(told))
  say(`  promised: ${promiseOf(cell).sentence}`)
  for (const { breach, detail } of isNews) say(`  ${breach}: ${detail}`)
  say(`  again: npm run faults -- --only '${id}'`)
  say(colors.dim(outcome.history))
}

function readPage() {
  return readTables(all, readFileSync(page, 'utf8'))
}

/** Writes what happened in place of what was written; cells that were not run keep that. */
function write() {
  // Another run may have written meanwhile.
  const written = readPage()
  // On a machine that is too busy, a moment may not come: such a cell has not been run.
  const seen = outcomes.filter(({ broken }) =>
    broken.every(({ breach }) => breach !== 'the moment did not come'),
  )
  for (const { id, serving, broken } of seen) {
    const known = values.worst ? (written.get(id)?.broken ?? []) : []
    const isNew = ({ breach }) => known.every((each) => each.breach !== breach)
    written.set(id, { serving, broken: [...known, ...broken.filter(isNew).map(oneLine)] })
  }
  const [introduction] = readFileSync(page, 'utf8').split(startOfTables)
  writeFileSync(page, `${dated(introduction)}${startOfTables}\n\n${formatTables(all, written)}\n`)
  spawnSync(process.execPath, [path('../node_modules/prettier/bin/prettier.cjs'), '--write', page])
}

/** A detail for the page: the first of several, without what is another in each run. */
function oneLine({ breach, detail }) {
  const [first, second = ''] = detail.split('\n')
  const what = first.split('; ')[0].replace(/(\d+: )\d+ ms: /, '$1')
  const alive = second.startsWith('alive: ') ? `; ${second}` : ''
  return {
    breach,
    detail: `${what}${alive}`.replaceAll(/ \(pid \d+\)| (?:at )?127\.0\.0\.1:\d+/g, ''),
  }
}

function dated(introduction) {
  const [cpu] = os.cpus()
  const machine = `${os.availableParallelism()} cores of ${cpu?.model ?? 'an unknown CPU'}`
  const date = new Date().toISOString().slice(0, 10)
  const run = `Last run: ${date}, Node ${process.versions.node}, ${os.type()} ${os.release()}, ${machine}.`
  return introduction.replace(/Last run:[^]*?\.\n\n/, `${run}\n\n`)
}

function verdict() {
  const color = worse.length === 0 ? colors.green : colors.red
  const known = outcomes.filter(({ broken }) => broken.length > 0).length
  say(color(`\n${worse.length} of ${outcomes.length} cells are worse than written`))
  say(`${known} are worse than promised`)
  for (const { id, broken } of worse) {
    say(`  npm run faults -- --only '${id}'  (${broken.map(({ breach }) => breach).join(', ')})`)
  }
  process.exit(worse.length === 0 || values.write ? 0 : 1)
}
