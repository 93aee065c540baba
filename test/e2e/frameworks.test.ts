// Proves for the frameworks that are installed here that an unmodified program loses no request in a restart; all
// others are restarted by `npm run test:frameworks`.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { restartUnderLoad } from '../frameworks/restart-under-load.js'
import { rows, tableLines } from '../frameworks/rows.js'

const programs = fileURLToPath(new URL('../frameworks/programs', import.meta.url))
const slice = rows.filter(({ isInSlice }) => isInSlice).map((row) => [row.name, row] as const)

test.each(slice)('%s', async (_, row) => {
  await restartUnderLoad(programs, row, 2)
})

test('the table of docs/frameworks.md has a line for each framework, with the version that is restarted', () => {
  const docs = readFileSync(new URL('../../docs/frameworks.md', import.meta.url), 'utf8')
  const lines = [...docs.matchAll(/^\| (?!framework|-)(.*)\|$/gm)].map(([, line = '']) =>
    line.split('|').map((cell) => cell.trim()),
  )
  expect(lines.map((cells) => cells.slice(0, 2))).toEqual(tableLines())
})
