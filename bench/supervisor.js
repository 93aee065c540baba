// Checks the supervisor: killing a generation refuses no connection, a thousand restarts leak nothing, and
// its memory and start-up time stay low. Needs /proc.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createLoad, freePort, until } from '@endless/load'
import { spawnApp, startApp } from './lib/app.js'
import { firstAnswer } from './lib/first-answer.js'
import { memoryBytes } from './lib/memory-bytes.js'
import { megabytes, ms, progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median } from './lib/statistics.js'

const MOST_MEMORY_BYTES = 60 * 1024 * 1024
const MOST_START_RATIO = 2
const MEMORY_TOLERANCE = 0.1

export async function run({ quick }) {
  const results = []
  results.push(await killed(quick ? 3 : 10))
  results.push(await restarted(quick ? 60 : 1_000))
  results.push(await started(quick ? 5 : 25))
  return results.every(Boolean)
}

async function killed(kills) {
  title(
    `supervisor: ${kills} times kill -9 of the generation, under 300 fresh connections a second`,
  )
  const { program, port } = await startApp('node-http', { supervised: true })
  const load = createLoad({ port, keepAliveConnections: 0, freshPerSecond: 300 })
  load.start()
  for (let count = 1; count <= kills; count++) {
    const { answered } = load.snapshot()
    await until(() => load.snapshot().answered > answered + 300, {
      step: 'load',
      deadlineMs: 60_000,
    })
    progress(`kill ${count} of ${kills}`)
    const since = program.generations.length
    program.signal('SIGKILL')
    await until(() => program.generations.length > since, {
      step: 'another generation serves',
      deadlineMs: 60_000,
      explain: () => program.output.toString(),
    })
  }
  const { requests, failures } = await load.stop()
  await program.end()
  progressEnd()
  const refused = failures.filter(({ kind }) => kind === 'connect').length
  table(
    ['requests', 'kills', 'refused', 'lost inside'],
    [[requests, kills, refused, failures.length - refused]],
  )
  return verdict(refused === 0, `${refused} refused; the target is 0`)
}

async function restarted(restarts) {
  title(`supervisor: resources after ${restarts} restarts, compared with after the 50th`)
  const { program, port } = await startApp('node-http', { supervised: true })
  const load = createLoad({
    port,
    keepAliveConnections: 5,
    thinkMs: [5, 20],
    freshPerSecond: 10,
    settleMs: 0,
  })
  load.start()
  const looks = []
  for (let count = 1; count <= restarts; count++) {
    progress(`restart ${count} of ${restarts}`)
    const { pid } = program.current
    const since = program.generations.length
    program.signal('SIGHUP', program.pid)
    const explain = () => program.output.toString().slice(-2_000)
    await until(() => program.generations.length > since, {
      step: `restart ${count}`,
      deadlineMs: 60_000,
      explain,
    })
    await program.waitForEnd(pid, { step: `the predecessor of ${count} ends`, deadlineMs: 60_000 })
    if (count % 50 !== 0) continue
    await until(() => look(program.pid).zombies === 0, {
      step: 'the predecessor is reaped',
      deadlineMs: 10_000,
    })
    looks.push(look(program.pid))
  }
  const { failed } = await load.stop()
  await program.end()
  progressEnd()
  const [first, last] = [looks[0], looks.at(-1)]
  // Memory goes up and down with garbage collection, so a trend shows only in the medians of both halves.
  const half = Math.ceil(looks.length / 2)
  const [early, late] = [looks.slice(0, half), looks.slice(-half)].map((part) =>
    median(part.map(({ memoryBytes }) => memoryBytes)),
  )
  table(
    ['', 'after the 50th', `after ${restarts}`],
    [
      ['open descriptors', first.descriptors, last.descriptors],
      ['children that have ended', first.zombies, last.zombies],
      ['memory (RSS)', megabytes(first.memoryBytes), megabytes(last.memoryBytes)],
      ['median of the half', megabytes(early), megabytes(late)],
      ['failed requests', '', failed],
    ],
  )
  const isFlat = late <= early * (1 + MEMORY_TOLERANCE)
  const met = failed === 0 && last.zombies === 0 && last.descriptors === first.descriptors && isFlat
  return verdict(met, 'as many descriptors, no trend, no zombie, no failed request')
}

async function started(rounds) {
  title('supervisor: its memory at rest, and what it adds to the start')
  const node = []
  const alone = []
  const supervised = []
  let mostBytes = 0
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    const fromMs = performance.now()
    execFileSync(process.execPath, ['-e', '0'])
    node.push(performance.now() - fromMs)
    alone.push(await timeStart(false))
    supervised.push(
      await timeStart(true, (pid) => (mostBytes = Math.max(mostBytes, memoryBytes(pid)))),
    )
  }
  progressEnd()
  const [n, a, s] = [node, alone, supervised].map(median)
  const ratio = (s - a) / n
  table(
    ['node -e 0', 'app alone', 'supervised', 'added', 'to node -e 0', 'memory'],
    [[ms(n), ms(a), ms(s), ms(s - a), ratio.toFixed(2), megabytes(mostBytes)]],
  )
  const met = ratio <= MOST_START_RATIO && mostBytes < MOST_MEMORY_BYTES
  return verdict(
    met,
    `at most ${MOST_START_RATIO} times node -e 0, and ${megabytes(MOST_MEMORY_BYTES)}`,
  )
}

async function timeStart(supervised, inspect = () => undefined) {
  const port = await freePort()
  const fromMs = performance.now()
  const program = spawnApp('node-http', { supervised, env: { PORT: String(port) } })
  const tookMs = await firstAnswer(port, fromMs)
  inspect(program.pid)
  await program.end()
  return tookMs
}

function look(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    zombies: children.filter((child) => child !== '' && isZombie(child)).length,
    memoryBytes: memoryBytes(pid),
  }
}

function isZombie(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
}
