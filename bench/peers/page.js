import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem, type as systemType, release as systemRelease } from 'node:os'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { drawCharts } from './charts.js'

// The comparison as a page: docs/comparison.md.

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))

export const columns = [
  'peer',
  'workers',
  'lost',
  'closed while idle',
  'moved',
  'p99 calm',
  'p99 in restarts',
  'ratio',
  'first new answer',
  'requests/s',
  'bytes/connection',
  'a version that throws',
  'a version that turns bad',
]

/** One line of the table. */
export function cellsOf(result) {
  const { peer, lost, closed, moved, calmP99Ms, restartP99Ms, p99Ratio } = result
  return [
    nameOf(result),
    String(peer.workers),
    thousands(lost),
    thousands(closed),
    thousands(moved),
    ms(calmP99Ms),
    ms(restartP99Ms),
    p99Ratio.toFixed(2),
    result.newAnswerMs === null ? '–' : ms(result.newAnswerMs),
    result.throughput === null ? '–' : result.throughput.toFixed(2),
    whole(result.memoryBytes),
    afterThrow(result.throws),
    afterTurningBad(result.turnsBad),
  ]
}

/** Writes docs/comparison.md, and its charts. */
export async function writePage({ results, rounds, restarts, node, command }) {
  const images = `${docs}images/`
  mkdirSync(images, { recursive: true })
  for (const [name, svg] of drawCharts(results)) writeFileSync(`${images}${name}`, svg)
  const { stdout: nodeVersion } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  const text = `# Endless beside what people use now

How many requests does a restart lose, and what does that cost? The same [rehearsal](rehearse.md)
was done with each of these: 50 kept connections, fresh ones and idle ones, 500 requests a second and
50 on fresh connections, GET and POST, from clients that repeat nothing. ${rounds * restarts}
restarts of each, in ${rounds} rounds: in a round each tool has its turn, with ${restarts} restarts.
Requests and connections are those of all rounds together; times, rates and bytes are the median of
the rounds.

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="images/lost-dark.svg">
  <img alt="Requests lost in ${rounds * restarts} restarts, by tool" src="images/lost-light.svg">
</picture>

## What a restart loses

${markdownTable(
  ['', 'workers', 'requests', 'lost', 'closed while idle', 'moved', 'failed restarts'],
  results.map((result) => [
    nameOf(result),
    result.peer.workers,
    thousands(result.requests),
    thousands(result.lost),
    thousands(result.closed),
    thousands(result.moved),
    `${result.failedRestarts} of ${restarts * rounds}`,
  ]),
)}

**Lost** is a request without a complete, right response: refused, reset, cut, timed out, or with
another status. **Closed while idle** is a connection that the server closed without a word, although
its client had done nothing wrong: the next request on it would have been lost. **Moved** connections
stayed open, and another process answered on them. A restart **failed** if its command said so, or if
no new process answered within 60 s.

## How it feels

${markdownTable(
  ['', 'p99 in calm', 'p99 in restarts', 'ratio', 'first new answer after'],
  results.map((result) => [
    nameOf(result),
    ms(result.calmP99Ms),
    ms(result.restartP99Ms),
    result.p99Ratio.toFixed(2),
    result.newAnswerMs === null ? '–' : ms(result.newAnswerMs),
  ]),
)}

The time of a restart ends 1 s after the first answer of a new process. A start takes CPU time from
everybody on a machine with ${cpus().length} cores, so the ratio is seldom 1. It
is the median of the rounds' own ratios.

## What it costs

${markdownTable(
  ['', 'requests per second', 'bytes of an idle connection', 'more than bare'],
  results.map((result) => [
    nameOf(result),
    result.throughput === null ? '–' : result.throughput.toFixed(2),
    whole(result.memoryBytes),
    result.peer.isOther ? '–' : whole(result.memoryBytes - result.bareMemoryBytes),
  ]),
)}

With one worker each. Requests per second are compared with the same Node program on its own, on 50
connections of wrk; programs in other languages are not compared. Memory is that of all processes of
the tool, with 3,000 idle connections and without. Less than bare is the noise of this
measurement, as are a few percent of the requests per second: [workers](workers.md#compared-with-nodecluster-and-pm2) has more rounds.

## A bad version

${markdownTable(
  ['', 'that throws at its start', 'that answers 500 after 2 s'],
  results.map((result) => [
    nameOf(result),
    afterThrow(result.throws),
    afterTurningBad(result.turnsBad),
  ]),
)}

Endless was told \`--probation 30s --max-errors 5%\`; the others have no such thing, and stay with the
version that they were given. A load balancer with canaries, which was not measured, does the same in
minutes.

## Where others are better

- A worker of \`node:cluster\` answers sooner after a restart: it loads less before it listens.
- @fastify/restartable has its new app within milliseconds, since the process stays. It loads no new
  code, and so is for a new configuration.
- Behind nginx, no client's connection depends on a process of yours; each request takes a second
  hop for that.
- An idle connection takes least in gunicorn.

## How each was set up

${markdownTable(
  ['', 'set up as'],
  results.map((result) => [nameOf(result), result.peer.note]),
)}

A library that ends a server gracefully does not start the next one. Each got the best that there is
without endless: a rolling restart of \`node:cluster\`, where the new worker listens before the old one
is told to end. The programs are in \`bench/peers/apps\`.

## The machine

${cpus().length} cores of ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${systemType()} ${systemRelease()},
with the load on the same cores; Node ${nodeVersion.trim()}; ${new Date().toISOString().slice(0, 10)}.

\`\`\`sh
${command}
\`\`\`
`
  const options = await resolveConfig(`${docs}README.md`)
  writeFileSync(`${docs}comparison.md`, await format(text, { ...options, parser: 'markdown' }))
}

function nameOf({ peer: { name }, version }) {
  const [tool, ...rest] = name.split(' ')
  return [tool, ...(version === undefined ? [] : [version]), ...rest].join(' ')
}

function markdownTable(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function afterThrow({ good, worstMs }) {
  if (good === 1)
    return worstMs === 0 ? 'the old one answers' : `old one, after ${seconds(worstMs)}`
  return good === 0 ? 'nobody answers' : `${Math.round(good * 100)} % are answered`
}

function afterTurningBad({ good, worstMs, isLoaded }) {
  if (!isLoaded) return 'the new code is not loaded'
  if (good === 1) return `taken back after ${seconds(worstMs)}`
  return good === 0 ? 'the bad one answers' : `${Math.round(good * 100)} % are good`
}

function seconds(valueMs) {
  return `${(valueMs / 1_000).toFixed(1)} s`
}

function ms(value) {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`
}

function whole(value) {
  return thousands(Math.round(value))
}

function thousands(value) {
  return value.toLocaleString('en-US')
}
