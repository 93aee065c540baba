// Checks that many restarts leak no descriptors, processes or memory. Needs /proc.
import { readdirSync, readFileSync } from 'node:fs'
import { createLoad, until } from '@endless/load'
import { startApp } from './lib/app.js'
import { progress, progressEnd, table, title, verdict } from './lib/print.js'

const APPS = ['node-http']
const MEMORY_TOLERANCE = 0.1

export async function run({ app: apps = APPS, quick }) {
  const restarts = quick ? 10 : 300
  title(`leaks: resources after ${restarts} restarts, compared with after the first`)
  let met = true
  for (const name of apps) {
    const { first, last, failed } = await measure(name, restarts)
    progressEnd()
    table(
      [name, 'after the first', `after ${restarts}`],
      [
        ['open descriptors', first.descriptors, last.descriptors],
        ['processes', first.processes, last.processes],
        ['memory (RSS)', megabytes(first.memoryBytes), megabytes(last.memoryBytes)],
        ['failed requests', '', failed],
      ],
    )
    const same =
      last.descriptors === first.descriptors &&
      last.processes === first.processes &&
      last.memoryBytes <= first.memoryBytes * (1 + MEMORY_TOLERANCE) &&
      failed === 0
    met = verdict(same, 'as many descriptors and processes, at most 10 % more memory') && met
  }
  return met
}

async function measure(name, restarts) {
  const { program, port, tls } = await startApp(name)
  const load = createLoad({
    port,
    tls,
    keepAliveConnections: 20,
    thinkMs: [5, 20],
    freshPerSecond: 20,
    settleMs: 200,
  })
  load.start()
  await until(() => load.snapshot().answered > 0, { step: 'a first answer', deadlineMs: 10_000 })
  let first
  for (let count = 1; count <= restarts; count++) {
    progress(`${name}: restart ${count} of ${restarts}`)
    load.markRestart()
    program.signal('SIGHUP')
    await load.settled({
      step: `restart ${count}`,
      explain: () => program.output.toString(),
    })
    if (count === 1) first = await inspect(program)
  }
  const last = await inspect(program)
  const { failed } = await load.stop()
  await program.end()
  return { first, last, failed }
}

/** Inspects the newest generation once its predecessors have ended and its memory has settled. */
async function inspect(program) {
  const { pid } = program.current
  await until(() => program.alive.length === 1, {
    step: 'only one generation is left',
    deadlineMs: 30_000,
    explain: () => `alive: ${program.alive.join(', ')}\n${program.output}`,
  })
  const samples = []
  await until(() => samples.push(look(program, pid)) === 30, {
    step: 'samples',
    deadlineMs: 30_000,
    everyMs: 100,
  })
  // Connections come and go between samples; only a higher minimum is a leak.
  return {
    descriptors: Math.min(...samples.map(({ descriptors }) => descriptors)),
    processes: samples.at(-1).processes,
    memoryBytes: samples.at(-1).memoryBytes,
  }
}

function look(program, pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    processes: program.alive.length,
    memoryBytes: Number(kilobytes) * 1024,
  }
}

function megabytes(bytes) {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}
