import { type Cell, scenarioOf } from './cells.js'
import { faultKinds, faultName, type FaultKind, type Role } from './faults.js'
import { type Breach, breaches, type Outcome, type Serving } from './outcome.js'
import { promises } from './promises.js'
import { steps } from './steps.js'

// The table of docs/faults.md: written from outcomes, and read back to compare with them.

/** What is written of a cell. */
export interface Written {
  serving: Serving
  /** What was broken, if it was worse than promised. */
  broken: { breach: Breach; detail: string }[]
}

const initials: Record<Role, string> = {
  successor: 'S',
  predecessor: 'P',
  oldest: 'O',
  supervisor: 'V',
  worker: 'W',
  'other worker': 'X',
}
const marks: Record<Serving, string> = {
  old: 'old',
  new: 'new',
  later: 'later',
  nobody: 'ended',
  mixed: 'mixed',
}
const worse = '**✗**'
const notRun = '·'

/** Returns what is written as Markdown, below the introduction. */
export function formatTables(
  cells: readonly Cell[],
  written: ReadonlyMap<string, Written>,
): string {
  const scenarios = [...new Set(cells.map(({ moment }) => moment.scenario))]
  const sections = scenarios.map((name) => {
    const own = cells.filter(({ moment }) => moment.scenario === name)
    const [first] = own
    return `## ${first ? scenarioOf(first).title : ''}\n\nIts cells are named \`${name} × … × …\`.\n\n${table(own, written)}`
  })
  return [...sections, promiseSection(), worseSection(cells, written), noMomentSection()].join(
    '\n\n',
  )
}

/** Reads what {@link formatTables} has written. */
export function readTables(cells: readonly Cell[], text: string): Map<string, Written> {
  const written = new Map<string, Written>()
  let name = ''
  let kinds: string[] = []
  const byId = new Map(cells.map((cell) => [cell.id, cell]))
  for (const line of text.split('\n')) {
    const scenario = /^Its cells are named `(.*) × … × …`/.exec(line)?.[1]
    if (scenario !== undefined) name = scenario
    const columns = line.startsWith('|')
      ? line
          .split('|')
          .slice(1, -1)
          .map((each) => each.trim())
      : []
    const [head = '', ...texts] = columns
    if (head === 'message') kinds = texts
    const type = /^`([\w-]+)`/.exec(head)?.[1]
    if (type === undefined || name === '') continue
    for (const [index, text] of texts.entries()) {
      for (const part of text.split(', ')) {
        const [, initial, mark = ''] = /^(?:([A-Z]) )?(?:\*\*✗\*\* )?(\w+)/.exec(part) ?? []
        const victim = Object.entries(initials).find(([, its]) => its === initial)?.[0]
        const fault = { kind: kinds[index] as FaultKind, ...(victim && { victim: victim as Role }) }
        const id = `${name} × ${type} × ${faultName(fault)}`
        const serving = Object.entries(marks).find(([, its]) => its === mark)?.[0]
        if (byId.has(id) && serving) written.set(id, { serving: serving as Serving, broken: [] })
      }
    }
  }
  for (const [, id = '', list = ''] of text.matchAll(
    /^- `(.* × .* × .*)`\n((?: {2}- .*\n?(?: {4}.*\n?)*)+)/gm,
  )) {
    for (const [, breach = '', detail = ''] of list.matchAll(
      /^ {2}- ([^:\n]*): ((?:.|\n {4})*)/gm,
    )) {
      const known = breaches.find((each) => each === breach)
      if (known)
        written.get(id)?.broken.push({ breach: known, detail: detail.replaceAll(/\s+/g, ' ') })
    }
  }
  return written
}

/** Returns what is worse in an outcome than what is written; a cell that is not written has to be as promised. */
export function worseThan(written: Written | undefined, outcome: Outcome): Outcome['broken'] {
  const known = new Set(written?.broken.map(({ breach }) => breach))
  // Whether a client has just sent a request on a connection that is closed is chance.
  if (known.has('requests lost')) known.add('connections closed')
  return outcome.broken.filter(({ breach }) => !known.has(breach))
}

function table(cells: readonly Cell[], written: ReadonlyMap<string, Written>): string {
  const kinds = faultKinds.filter((kind) => cells.some(({ fault }) => fault.kind === kind))
  const types = [...new Set(cells.map(({ type }) => type))]
  const rows = types.map((type) => {
    const own = cells.filter((cell) => cell.type === type)
    const texts = kinds.map((kind) => {
      const parts = own.filter(({ fault }) => fault.kind === kind)
      return parts.map((cell) => cellText(cell, written.get(cell.id))).join(', ')
    })
    return [`\`${type}\`, ${way(own)}`, ...texts]
  })
  return formatRows([['message', ...kinds], ...rows])
}

/** Returns from whom a message comes, and to whom: `P → S`. */
function way([cell]: readonly Cell[]): string {
  if (!cell) return ''
  const { from, to } = cell.moment
  return `${initials[from]} → ${initials[to]}`
}

function cellText({ fault }: Cell, written: Written | undefined): string {
  const who = fault.victim === undefined ? '' : `${initials[fault.victim]} `
  if (!written) return `${who}${notRun}`
  return `${who}${written.broken.length > 0 ? `${worse} ` : ''}${marks[written.serving]}`
}

function promiseSection(): string {
  const rows = faultKinds.map((kind) => [kind, promises[kind].sentence])
  return `## What is promised\n\n${formatRows([['fault', 'promise'], ...rows])}`
}

function worseSection(cells: readonly Cell[], written: ReadonlyMap<string, Written>): string {
  const items = cells.flatMap(({ id }) => {
    const broken = written.get(id)?.broken ?? []
    if (broken.length === 0) return []
    return [
      `- \`${id}\`\n${broken.map(({ breach, detail }) => `  - ${breach}: ${detail}\n`).join('')}`,
    ]
  })
  const text = items.length > 0 ? items.join('').trimEnd() : 'Nothing.'
  return `## Worse than promised\n\n${text}`
}

function noMomentSection(): string {
  const rows = Object.entries(steps).flatMap(([type, row]) =>
    'because' in row ? [[`\`${type}\``, row.because]] : [],
  )
  return `## Messages without a row\n\n${formatRows([['message', 'why'], ...rows])}`
}

/** Formats rows as a table of Markdown, padded as Prettier does; the first row is the head. */
function formatRows(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => lengthOf(row[at] ?? ''))),
  )
  const line = (row: readonly string[]) =>
    `| ${row.map((text, at) => text + ' '.repeat((widths[at] ?? 0) - lengthOf(text))).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(Math.max(3, width))).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head), rule, ...body.map(line)].join('\n')
}

/** Characters, all of which are one column wide. */
function lengthOf(text: string): number {
  return Array.from(text).length
}
