// Proves that a fault happens at every message of the protocol, or that there is a reason why not, and that what is
// written in docs/faults.md is read back as it was written.
import { readFileSync } from 'node:fs'
import {
  allCells,
  cellsLike,
  formatTables,
  readTables,
  steps,
  tenthOf,
  worseThan,
} from '@endless/load'
import type { Outcome, Written } from '@endless/load'
import { expect, test } from 'vitest'

/** Where messages are declared; those of connections that move are beside what moves them. */
const declarations = [
  'handoff/protocol.ts',
  'migration/migration.ts',
  'migration/upgrade-migration.ts',
]

/** The types of all messages: `type: 'adopted' | 'declined'`. */
function messageTypes(): Set<string> {
  const texts = declarations.map((name) =>
    readFileSync(new URL(`../../packages/core/src/${name}`, import.meta.url), 'utf8'),
  )
  const unions = texts.join('\n').matchAll(/\btype: ((?:'[\w-]+'(?: \| )?)+)/g)
  return new Set([...unions].flatMap(([, union = '']) => union.match(/[\w-]+/g) ?? []))
}

test('each type of message has a row, or a reason why it is no moment', () => {
  expect([...messageTypes()].sort()).toEqual(Object.keys(steps).sort())
})

test('each cell has a name of its own', () => {
  const ids = allCells().map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
})

test('a cell is found by words of its name', () => {
  const found = cellsLike(allCells(), 'restart × taken-over × successor killed')
  expect(found.map(({ id }) => id)).toEqual(['restart × taken-over × successor killed'])
})

test('ten tenths are all cells', () => {
  const cells = allCells()
  const tenths = Array.from({ length: 10 }, (_, number) => tenthOf(cells, number))
  expect(tenths.flat().length).toBe(cells.length)
  expect(new Set(tenths.flat()).size).toBe(cells.length)
})

test('what is written is read back', () => {
  const cells = allCells()
  const written = new Map<string, Written>(
    cells.map(({ id }, index) => [
      id,
      {
        serving: (['old', 'new', 'later', 'nobody', 'mixed'] as const)[index % 5]!,
        broken:
          index % 7 === 0
            ? [
                { breach: 'requests lost', detail: '2: it was closed' },
                { breach: 'files left', detail: 'app.pid' },
              ]
            : [],
      },
    ]),
  )
  const rewritten = readTables(cells, formatTables(cells, written))
  expect(Object.fromEntries(rewritten)).toEqual(Object.fromEntries(written))
})

test('only what is not written yet is worse', () => {
  const outcome: Outcome = {
    id: 'x',
    serving: 'old',
    lost: 1,
    closed: 1,
    excused: 0,
    slowestMs: 0,
    durationMs: 0,
    broken: [
      { breach: 'requests lost', detail: '1' },
      { breach: 'connections closed', detail: '1' },
    ],
    history: '',
  }
  const worse = (...breaches: Written['broken'][number]['breach'][]) =>
    worseThan(
      { serving: 'old', broken: breaches.map((breach) => ({ breach, detail: '' })) },
      outcome,
    ).map(({ breach }) => breach)
  expect(worse()).toEqual(['requests lost', 'connections closed'])
  expect(worse('connections closed')).toEqual(['requests lost'])
  // A request is lost by a connection that is closed.
  expect(worse('requests lost')).toEqual([])
  expect(worseThan(undefined, outcome)).toEqual(outcome.broken)
})
