import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isLost, meanings, outcomes } from '../record/outcome.js'
import type { Recorder } from '../record/recorder.js'
import type { ConnectionKind } from '../record/connection-log.js'
import type { Latency } from '../report/latencies.js'
import type { Report } from '../report/report.js'
import { count, ms, number } from '../report/verdict.js'
import { kindNames, notesOf } from '../report/words.js'
import { type ChartData, chartDataOf } from './chart-data.js'
import { generationColors, style } from './style.js'

const require = createRequire(import.meta.url)

/** Returns one page of HTML that needs nothing else: the report, and charts of every request and connection. */
export function pageOf(report: Report, recorder: Recorder): string {
  const data = chartDataOf(recorder, report.durationMs, generationColors)
  const uPlot = readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8')
  const uPlotStyle = readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8')
  const draw = readFileSync(new URL('draw.js', import.meta.url), 'utf8')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>Rehearsal of ${escape(report.server ?? report.url)}</title>
<link rel="icon" href="data:,">
<style>${uPlotStyle}${style}</style>
</head>
<body>
<main>
${bodyOf(report, data)}
</main>
<script type="application/json" id="report">${json(report)}</script>
<script type="application/json" id="chart-data">${json(data)}</script>
<script>${uPlot}</script>
<script type="module">${draw}</script>
</body>
</html>
`
}

function bodyOf(report: Report, data: ChartData): string {
  const { verdict, dots } = { verdict: report.verdict, dots: data.dots }
  const drawn = dots.times.length
  return `
<h1>Rehearsal: ${count(report.restarts.length, 'restart')} under load</h1>
<p class="muted"><code>${escape(report.server ?? report.url)}</code></p>
<div class="verdict${verdict.passed ? '' : ' failed'}">
<b>${verdict.passed ? 'Passed.' : 'Failed.'}</b> <span data-value="sentence">${escape(verdict.sentence)}</span>
${list(verdict.complaints)}
</div>
${figuresOf(report)}
<h2>Requests</h2>
<p class="muted">Each dot is a request: when it was sent, and how long it took. Shaded: the windows of the restarts. ${
    drawn === dots.total
      ? `All ${number(dots.total)} are drawn.`
      : `${number(drawn)} of ${number(dots.total)} are drawn: each one that was lost, the fastest and the slowest ` +
        'of each generation in each of 300 slices of time, and of the others an even share.'
  }</p>
<div class="legend" id="timeline-legend"></div><div class="chart" id="timeline"></div>
<h2>Kept connections</h2>
<p class="muted">How many are open, by the process that has them.</p>
<div class="legend" id="connections-legend"></div><div class="chart" id="connections"></div>
<p class="muted">What changed.</p>
<div class="legend" id="changes-legend"></div><div class="chart" id="changes"></div>
<h2>Latency</h2>
<p class="muted">How many of the answered requests took at most how long; each step to the right is one nine more. The first second of the load is left out.</p>
<div class="legend" id="distribution-legend"></div><div class="chart" id="distribution"></div>
${table(
  ['', 'requests', 'p50', 'p90', 'p99', 'p99.9', 'max'],
  [latencyRow('calm', report.latency.calm), latencyRow('restarts', report.latency.restarts)],
)}
<h2>What became of the requests</h2>
${outcomeTable(report)}
<h2>What became of the connections</h2>
${connectionTable(report)}
<h2>Restarts</h2>
${restartTable(report)}
${processTable(report)}
<h2>Circumstances</h2>
${list(notesOf(report))}
${circumstancesOf(report)}
`
}

function figuresOf({ requests, latency, connections, processesKnownBy }: Report): string {
  const long = [connections.kept, connections.idle, connections.websocket]
  const sum = (of: (counts: (typeof long)[number]) => number): number =>
    long.reduce((total, each) => total + of(each), 0)
  const cut = sum((counts) => counts['while-idle'] + counts['in-request'])
  const figures: [id: string, value: string, label: string, isBad: boolean][] = [
    ['total', number(requests.total), 'requests', false],
    ['lost', number(requests.lost), 'lost', requests.lost > 0],
    [
      'moved',
      processesKnownBy === null ? '–' : number(sum(({ moved }) => moved)),
      'connections moved, open',
      false,
    ],
    ['announced', number(sum(({ announced }) => announced)), 'politely closed', false],
    ['cut', number(cut), 'closed unannounced', cut > 0],
    ['calm-p99', ms(latency.calm.p99Ms), 'p99 in calm', false],
    ['restarts-p99', ms(latency.restarts.p99Ms), 'p99 in restarts', false],
  ]
  return `<div class="figures">${figures
    .map(
      ([id, value, label, isBad]) =>
        `<div${isBad ? ' class="bad"' : ''}><b data-value="${id}">${value}</b><span>${label}</span></div>`,
    )
    .join('')}</div>`
}

function latencyRow(name: string, latency: Latency): string[] {
  const { p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = latency
  return [name, number(latency.count), ...[p50Ms, p90Ms, p99Ms, p999Ms, maxMs].map(ms)]
}

function outcomeTable({ requests }: Report): string {
  const rows = outcomes.map((outcome) => {
    const { calm, restarts } = requests.outcomes[outcome]
    const isBad = isLost(outcome) && calm + restarts > 0
    return (
      `<tr data-outcome="${outcome}"${isBad ? ' class="bad"' : ''}><td>${outcome}</td>` +
      `<td>${number(calm)}</td><td>${number(restarts)}</td><td class="text">${meanings[outcome]}</td></tr>`
    )
  })
  const unasked =
    `<tr data-outcome="unasked"${requests.unasked > 0 ? ' class="bad"' : ''}><td>unasked</td>` +
    `<td colspan="2">${number(requests.unasked)}</td><td class="text">responses that nobody had asked for</td></tr>`
  return (
    '<div class="scroll"><table><thead><tr><th></th><th>calm</th><th>restarts</th><th></th></tr></thead>' +
    `<tbody>${rows.join('')}${unasked}</tbody></table></div>`
  )
}

function connectionTable({ connections, processesKnownBy }: Report): string {
  return table(
    [
      '',
      'opened',
      'moved',
      'politely closed',
      'closed while idle',
      'cut in a request',
      'given up',
      'not opened',
    ],
    (Object.keys(kindNames) as ConnectionKind[]).map((kind) => {
      const counts = connections[kind]
      return [
        kindNames[kind],
        number(counts.opened),
        processesKnownBy === null ? '–' : number(counts.moved),
        ...[
          counts.announced,
          counts['while-idle'],
          counts['in-request'],
          counts['given-up'],
          counts['not-opened'],
        ].map(number),
      ]
    }),
  )
}

function restartTable({ restarts }: Report): string {
  return table(
    [
      '',
      'began',
      'first new answer',
      'pid',
      'requests',
      'lost',
      'p99',
      'max',
      'moved',
      'closed',
      'by',
    ],
    restarts.map((restart) => [
      `restart ${restart.number}`,
      seconds(restart.atMs),
      restart.firstAnswerAfterMs === null ? '–' : `${ms(restart.firstAnswerAfterMs)} later`,
      restart.pid === null ? '–' : String(restart.pid),
      number(restart.requests),
      number(restart.lost),
      ms(restart.p99Ms),
      ms(restart.maxMs),
      number(restart.moved),
      number(restart.closed),
      restart.error === null ? restart.what : `${restart.what}: failed, ${restart.error}`,
    ]),
    true,
  )
}

function processTable({ processes }: Report): string {
  if (processes.length === 0) return ''
  const heading = '<h2>Processes</h2>'
  return (
    heading +
    table(
      ['', 'generation', 'answers', 'from', 'to'],
      processes.map(({ pid, generation, answers, firstAnswerMs, lastAnswerMs }) => [
        `pid ${pid}`,
        String(generation),
        number(answers),
        seconds(firstAnswerMs),
        seconds(lastAnswerMs),
      ]),
    )
  )
}

function circumstancesOf(report: Report): string {
  const { machine, client } = report
  const rows: [string, string][] = [
    ['rehearsed with', `<code>${escape(report.command)}</code>`],
    ['server', `<code>${escape(report.server ?? 'ran already')}</code>`],
    ['at', `${escape(report.url)}, ${report.protocol}`],
    ['when', `${escape(report.date)}, for ${seconds(report.durationMs)}`],
    ['machine', escape(`${machine.cores} × ${machine.cpu}, ${gigabytes(machine.memoryBytes)}`)],
    ['system', escape(`${machine.system}, Node ${machine.node}`)],
    [
      'processes known by',
      report.processesKnownBy === null
        ? 'nothing'
        : `the header ${escape(report.processesKnownBy)}`,
    ],
    [
      'delay of the client itself',
      `p50 ${ms(client.delay.p50Ms)}, p99 ${ms(client.delay.p99Ms)}, max ${ms(client.delay.maxMs)}`,
    ],
  ]
  return `<dl>${rows.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>`
}

function table(titles: readonly string[], rows: readonly string[][], isLastText = false): string {
  const cell = (tag: string, text: string, isText: boolean): string =>
    `<${tag}${isText ? ' class="text"' : ''}>${escape(text)}</${tag}>`
  const row = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((text, at) => cell(tag, text, isLastText && at === cells.length - 1)).join('')}</tr>`
  return (
    `<div class="scroll"><table><thead>${row('th', titles)}</thead>` +
    `<tbody>${rows.map((cells) => row('td', cells)).join('')}</tbody></table></div>`
  )
}

function list(items: readonly string[]): string {
  return items.length === 0
    ? ''
    : `<ul>${items.map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`
}

function seconds(valueMs: number): string {
  return `${(valueMs / 1_000).toFixed(1)} s`
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}

/** Makes text safe in HTML: commands and errors are text of others. */
function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? '')
}

/** JSON that cannot end the script it stands in. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
