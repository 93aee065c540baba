// Measures how soon a bad version is taken back, and what that loses: by each cause, under load from clients that never
// retry; whether one that answers as its predecessor is left alone; and what stays of many that were taken back to one
// process. Needs /proc.
//   npm run bench -- rollback --part leaks
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLoad, until } from '@endless/load'
import { endless, startApp } from './lib/app.js'
import { megabytes, ms, progress, progressEnd, table, title, verdict } from './lib/print.js'
import { median } from './lib/statistics.js'

const LOAD = { keepAliveConnections: 100, thinkMs: [20, 60], freshPerSecond: 300 }
/** About 500 requests a second, all on kept connections. */
const STEADY_LOAD = { keepAliveConnections: 20, thinkMs: [30, 50] }
const DEADLINE_MS = 60_000
const MAX_BLOCKED_MS = 1_000
/** How many answers of a version with errors have status 500. */
const ERROR_SHARE = '0.05'
const MEMORY_TOLERANCE = 0.1

/**
 * What makes a version bad, and how soon the old one must answer from then on. With a process that is killed go the
 * connections that it has, and their requests.
 */
const CAUSES = {
  'it dies': { figureMs: 1_000, isKilled: true, act: ({ ask }) => ask('/kill') },
  'it is blocked': {
    figureMs: MAX_BLOCKED_MS + 2_000,
    isKilled: true,
    act: ({ ask }) => ask('/block'),
  },
  'it says so': { figureMs: 1_000, act: ({ ask }) => ask('/rollback') },
  'somebody says so': { figureMs: 1_000, act: ({ order }) => order('/rollback?reason=bad') },
  'its check fails': { figureMs: 1_000, isChecked: true, act: ({ fail }) => fail() },
  'it answers 5 % with 500': { figureMs: 10_000, hasErrors: true, load: STEADY_LOAD },
}

const parts = {
  causes: (quick) => runCauses(quick ? 1 : 5),
  'as before': (quick) => runAsBefore(quick ? 5 : 100),
  leaks: (quick) => runLeaks(quick ? 20 : 200),
}

export async function run({ part: names = Object.keys(parts), quick }) {
  let met = true
  for (const name of names) met = (await parts[name](quick)) && met
  return met
}

async function runCauses(rounds) {
  title(`rollback: from the cause to the first answer of the old version; medians of ${rounds}`)
  const rows = []
  let isMet = true
  for (const supervised of [false, true]) {
    for (const [name, cause] of Object.entries(CAUSES)) {
      progress(`${supervised ? 'supervised' : 'alone'}: ${name}`)
      const { times, report } = await withService({ supervised, load: cause.load ?? LOAD }, (it) =>
        measure(it, cause, rounds),
      )
      const { refused, closed, lost } = losses(report)
      isMet &&= Math.max(...times) <= cause.figureMs && refused === 0
      isMet &&= (lost === 0 && closed === 0) || cause.isKilled === true
      rows.push([
        ...[supervised ? 'supervised' : 'alone', name, ms(median(times)), ms(Math.max(...times))],
        ...[ms(cause.figureMs), report.requests, refused, closed, lost],
      ])
    }
  }
  progressEnd()
  const counts = ['requests', 'refused', 'closed', 'lost']
  table(['service', 'cause', 'median', 'max', 'figure', ...counts], rows)
  return verdict(
    isMet,
    'as soon as the figures say, none refused, and closed or lost only what was inside of a process that was killed',
  )
}

/** Takes back one bad version after the other; resolves with how long each took. */
async function measure(service, { act, isChecked, hasErrors }, rounds) {
  const { program, load, order, answersOf } = service
  const { pid } = program.current
  const times = []
  for (let round = 1; round <= rounds; round++) {
    writeFileSync(service.errors, hasErrors ? ERROR_SHARE : '0')
    const since = program.output.lines.length
    const query = `probationMs=600000&maxBlockedMs=${MAX_BLOCKED_MS}${hasErrors ? '&maxErrors=0.01' : ''}`
    if (isChecked) service.startChecked()
    else await order(`/restart?${query}`)
    const isReady = (event) => event.event === 'ready' && event.pid !== pid
    const wait = { step: 'the new version serves', deadlineMs: DEADLINE_MS, since }
    const { pid: badPid } = await program.waitForEvent(isReady, wait)
    await until(() => answersOf(badPid) > (hasErrors ? 0 : 200), {
      step: 'it answers',
      deadlineMs: DEADLINE_MS,
    })
    await program.waitForEvent((event) => event.event === 'behind' && event.pid === pid, {
      step: 'the old version has drained',
      deadlineMs: DEADLINE_MS,
      since,
    })
    const before = answersOf(pid)
    const beganMs = performance.now()
    const acted = act?.(service)
    await until(() => answersOf(pid) > before, {
      step: 'the old version answers',
      deadlineMs: DEADLINE_MS,
      everyMs: 2,
      explain: () => program.output.toString(),
    })
    times.push(performance.now() - beganMs - (isChecked ? service.untilChecked() : 0))
    await acted
    await program.waitForEnd(badPid, { step: 'it ends', deadlineMs: DEADLINE_MS })
    await service.settled()
  }
  return { times, report: await load.stop() }
}

function losses({ failures, connections }) {
  const refused = failures.filter(({ kind }) => kind === 'connect').length
  // A version is bad by its answers with 500.
  const lost = failures.filter(({ kind }) => kind !== 'connect' && kind !== 'status').length
  return { refused, closed: connections.closedUnannounced + connections.closedAnnounced, lost }
}

/** Restarts a version that has errors by chance, as its predecessor has: it must not be taken back. */
async function runAsBefore(restarts) {
  title(`rollback: ${restarts} restarts of a version that answers as its predecessor does`)
  const traffic = { supervised: true, load: STEADY_LOAD, share: ERROR_SHARE }
  const { takenBack, requests, failed } = await withService(traffic, async ({ load, order }) => {
    let takenBack = 0
    for (let count = 1; count <= restarts; count++) {
      progress(`restart ${count} of ${restarts}`)
      try {
        await order('/restart?probationMs=2000&maxErrors=0.01&wait=proven')
      } catch (error) {
        takenBack++
        console.error(error.message)
      }
    }
    const { requests, failed } = await load.stop()
    return { takenBack, requests, failed }
  })
  progressEnd()
  table(
    ['restarts', 'requests', 'failed or 500', 'taken back'],
    [[restarts, requests, failed, takenBack]],
  )
  return verdict(takenBack === 0, 'none is taken back')
}

async function runLeaks(rollbacks) {
  title(`rollback: what stays of ${rollbacks} versions that were taken back to one process`)
  const { first, behind, last } = await withService(
    { supervised: true, load: { keepAliveConnections: 20, thinkMs: [5, 20], freshPerSecond: 20 } },
    async ({ program, load, order }) => {
      const serving = program.current.pid
      const warm = Math.ceil(rollbacks / 10)
      let [first, behind] = []
      for (let count = 1; count <= rollbacks; count++) {
        progress(`rollback ${count} of ${rollbacks}`)
        await order('/restart?probationMs=600000')
        const { pid } = program.current
        if (count === warm) behind = await look(program, serving)
        await order('/rollback')
        await program.waitForEnd(pid, { step: 'it ends', deadlineMs: DEADLINE_MS })
        if (count === warm) first = await look(program, serving)
      }
      const last = await look(program, serving)
      await load.stop()
      return { first, behind, last }
    },
  )
  progressEnd()
  const row = (name, get) => [name, get(first), get(last), get(behind)]
  table(
    ['', 'after a tenth', 'at the end', 'with one on probation'],
    [
      row('processes', ({ processes }) => processes),
      row('descriptors of the service', ({ service }) => service.descriptors),
      row('descriptors of the supervisor', ({ supervisor }) => supervisor.descriptors),
      row('memory of the service', ({ service }) => megabytes(service.bytes)),
      row('memory of the supervisor', ({ supervisor }) => megabytes(supervisor.bytes)),
    ],
  )
  const isSame = (who) =>
    last[who].descriptors === first[who].descriptors &&
    last[who].bytes <= first[who].bytes * (1 + MEMORY_TOLERANCE)
  return verdict(
    isSame('service') && isSame('supervisor') && behind.processes === first.processes + 1,
    'no more descriptors, at most 10 % more memory; on probation one more process',
  )
}

/** The lowest of some samples: connections come and go, and only a higher minimum is a leak. */
async function look(program, serving) {
  const samples = []
  const sample = () => samples.push([inspect(serving), inspect(program.pid)]) === 30
  await until(sample, { step: 'samples', deadlineMs: DEADLINE_MS, everyMs: 50 })
  const least = (at, name) => Math.min(...samples.map((each) => each[at][name]))
  const of = (at) => ({ descriptors: least(at, 'descriptors'), bytes: least(at, 'bytes') })
  return { service: of(0), supervisor: of(1), processes: program.alive.length }
}

function inspect(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  const descriptors = readdirSync(`/proc/${pid}/fd`).length
  return { descriptors, bytes: Number(kilobytes) * 1024 }
}

/** Starts a service under load, and ends it when `use` has settled. */
async function withService({ supervised, load: traffic, share = '0' }, use) {
  const folder = mkdtempSync(join(tmpdir(), 'endless-bench-'))
  const [control, errors, broken] = ['control', 'errors', 'broken'].map((name) =>
    join(folder, name),
  )
  writeFileSync(errors, share)
  const env = { CONTROL: control, ERRORS: errors }
  const { program, port } = await startApp('on-probation', { supervised, env })
  const load = createLoad({ port, ...traffic, requestTimeoutMs: 30_000 })
  load.start()
  await until(() => load.snapshot().answered > 200, { step: 'answers', deadlineMs: DEADLINE_MS })
  let failsSinceMs = 0
  const order = (target) => post(control, target)
  await until(() => existsSync(control), { step: 'control socket', deadlineMs: DEADLINE_MS })
  const service = {
    program,
    load,
    errors,
    order,
    answersOf: (pid) => load.snapshot().generations.find((each) => each.pid === pid)?.requests ?? 0,
    /** Asks the version that serves; one that ends by that does not answer. */
    ask: (path) =>
      new Promise((resolve) => {
        const request = http.get({ port, path, agent: false }, (response) => response.resume())
        request.on('close', resolve).on('error', () => undefined)
      }),
    /** Restarts by the command, with a check that fails once a file is there, and says since when it has. */
    startChecked() {
      rmSync(broken, { force: true })
      const check = `[ ! -e ${broken} ] || { date +%s%3N >> ${broken}; false; }`
      const words = ['restart', '--control', control, '--probation', '10min', '--check', check]
      spawn(process.execPath, [endless, ...words], { stdio: 'ignore' })
    },
    fail() {
      failsSinceMs = Date.now()
      writeFileSync(broken, '')
    },
    /** How long it took from the moment that the check broke until it has failed for the first time. */
    untilChecked: () => Number(readFileSync(broken, 'utf8').split('\n')[0]) - failsSinceMs,
    /** Resolves when only the old version is left, and can be asked: one that was killed leaves its control socket. */
    settled: () =>
      until(async () => program.alive.length === (supervised ? 2 : 1) && (await isHeard(control)), {
        step: 'only the old version is left, and can be asked',
        deadlineMs: DEADLINE_MS,
      }),
  }
  try {
    return await use(service)
  } finally {
    await program.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

function isHeard(socketPath) {
  return new Promise((resolve) => {
    http
      .get({ socketPath, path: '/status', agent: false }, (response) => {
        response.resume()
        resolve(true)
      })
      .on('error', () => resolve(false))
  })
}

function post(socketPath, path) {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path, method: 'POST', agent: false }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 200) resolve()
        else if (response.statusCode === 307) resolve(post(socketPath, response.headers.location))
        else reject(new Error(`POST ${path}: ${response.statusCode}`))
      })
    })
    request.on('error', reject).end()
  })
}
