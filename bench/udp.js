// Counts the datagrams that restarts lose, with nobody who sends one again.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts, startDatagrams, startProgram } from '@endless/load'
import { progress, progressEnd, table, title, verdict } from './lib/print.js'

const PER_SECOND = 2_000
const PAUSE_MS = 300
const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const ways = {
  alone: ['--import', path('../packages/core/dist/register.cjs')],
  supervised: [path('../packages/cli/bin/endless.js'), 'run'],
}

export async function run({ quick }) {
  const restarts = quick ? 3 : 20
  title(`udp: ${PER_SECOND} datagrams a second, ${restarts} restarts each`)
  const runs = []
  for (const way of Object.keys(ways)) runs.push([way, await restartUnderDatagrams(way, restarts)])
  progressEnd()
  table(
    ['way', 'datagrams', 'lost', 'buffer full', 'processes'],
    runs.map(([way, { sent, lost, full, answers }]) => [
      way,
      sent,
      lost.length,
      full,
      answers.size,
    ]),
  )
  const lost = runs.reduce((sum, [, { lost }]) => sum + lost.length, 0)
  const full = runs.reduce((sum, [, { full }]) => sum + full, 0)
  const done = runs.every(([, { answers }]) => answers.size === restarts + 1)
  return verdict(
    lost === full && done,
    `${lost} datagrams lost, ${full} of them because the buffer of the kernel was full; the target is 0`,
  )
}

async function restartUnderDatagrams(way, restarts) {
  const [port, udpPort] = await freePorts(2)
  const program = startProgram({
    args: [...ways[way], path('./apps/udp.mjs'), String(port), String(udpPort)],
  })
  let pid = await serves(program, 0)
  const load = await startDatagrams(udpPort, PER_SECOND)
  for (let number = 1; number <= restarts; number++) {
    progress(`${way}: restart ${number} of ${restarts}`)
    await sleep(PAUSE_MS)
    program.signal('SIGHUP', way === 'alone' ? pid : program.pid)
    pid = await serves(program, number)
  }
  await sleep(PAUSE_MS)
  const report = await load.stop()
  await program.end()
  return report
}

/** Resolves with the pid of a generation when it serves. */
async function serves(program, number) {
  const [, pid] = await program.waitForLine(
    new RegExp(`generation ${number} \\(pid (\\d+)\\) serves`),
    {
      step: `generation ${number} serves`,
      deadlineMs: 30_000,
    },
  )
  return Number(pid)
}
