// Compares endless with what people use now: the same rehearsal of each, the same overhead, the same bad versions.
//   npm run bench:peers -- --peer 'PM2 reload' --quick
//   npm run bench:peers -- --rounds 5 --restarts 4 --write
// Needs wrk, nginx, gunicorn and puma from Debian. The Node programs run on Node 24. --write writes docs/comparison.md
// and its charts.
import { parseArgs } from 'node:util'
import { endAll } from '@endless/load'
import { nodeBinary } from '../scripts/node-binary.js'
import { progress, progressEnd, table, title } from './lib/print.js'
import { median } from './lib/statistics.js'
import { restartIntoBad } from './peers/bad-version.js'
import { installPeers, versionOf } from './peers/install.js'
import { bare, compareThroughput, memoryOfConnection } from './peers/overhead.js'
import { peers } from './peers/peers.js'
import { cellsOf, columns, writePage } from './peers/page.js'
import { rehearsePeer } from './peers/rehearsal.js'

const { values } = parseArgs({
  options: {
    peer: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    restarts: { type: 'string', default: '4' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const unknown = values.peer?.filter((name) => !peers.some((peer) => peer.name === name)) ?? []
if (unknown.length > 0) {
  console.error(
    `Unknown peer ${unknown.join(', ')}: choose from ${peers.map(({ name }) => name).join(', ')}`,
  )
  process.exit(2)
}
const rounds = values.quick ? 1 : Number(values.rounds)
const restarts = values.quick ? 2 : Number(values.restarts)
const chosen = peers.filter(({ name }) => values.peer?.includes(name) ?? true)
const node = nodeBinary('24')
const where = { node, installed: installPeers() }

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const found = new Map(chosen.map((peer) => [peer, { rehearsals: [], throughput: [], memory: [] }]))
const bareMemory = []
try {
  await measure()
} finally {
  progressEnd()
  await endAll()
}
const results = chosen.map((peer) => summarize(peer, found.get(peer)))
title(`peers: ${rounds} rounds of ${restarts} restarts`)
table(columns, results.map(cellsOf))
if (values.write) {
  await writePage({ results, rounds, restarts, node, command: commandLine() })
  console.log('docs/comparison.md and its charts are written.')
}

/** In turns: what makes the machine slow for a while does so for all. */
async function measure() {
  for (let round = 1; round <= rounds; round++) {
    const say = (what, { name }) => progress(`round ${round} of ${rounds}: ${what}: ${name}`)
    for (const peer of chosen) {
      say('rehearsal', peer)
      found.get(peer).rehearsals.push(await rehearsePeer(peer, where, { restarts }))
    }
    for (const peer of chosen.filter(({ isOther }) => !isOther)) {
      say('throughput', peer)
      found.get(peer).throughput.push(await compareThroughput(peer, where))
    }
    say('memory', bare)
    bareMemory.push(await memoryOfConnection(bare, where))
    for (const peer of chosen) {
      say('memory', peer)
      found.get(peer).memory.push(await memoryOfConnection(peer, where))
    }
  }
  for (const peer of chosen) {
    progress(`a version that throws: ${peer.name}`)
    found.get(peer).throws = await restartIntoBad(peer, where, 'throws')
    progress(`a version that turns bad: ${peer.name}`)
    found.get(peer).turnsBad = await restartIntoBad(peer, where, 'turns-bad')
  }
}

function summarize(peer, { rehearsals, throughput, memory, throws, turnsBad }) {
  const of = (name) => rehearsals.map((each) => each[name])
  const sum = (name) => of(name).reduce((total, count) => total + count, 0)
  const known = of('newAnswerMs').filter((value) => value !== null)
  return {
    peer,
    version: versionOf(peer, where.installed),
    requests: sum('requests'),
    lost: sum('lost'),
    closed: sum('closed'),
    moved: sum('moved'),
    calmP99Ms: median(of('calmP99Ms')),
    restartP99Ms: median(of('restartP99Ms')),
    p99Ratio: median(of('p99Ratio')),
    newAnswerMs: known.length > 0 ? median(known) : null,
    failedRestarts: sum('failedRestarts'),
    throughput: throughput.length > 0 ? median(throughput) : null,
    memoryBytes: median(memory),
    bareMemoryBytes: median(bareMemory),
    throws,
    turnsBad,
  }
}

function commandLine() {
  return `npm run bench:peers -- --rounds ${rounds} --restarts ${restarts} --write`
}
