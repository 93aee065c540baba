// Proves that docs/log-lines.md has every line that the packages log, and none that they do not.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { hole, logTexts } from './log-texts.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const page = readFileSync(path.join(root, 'docs/log-lines.md'), 'utf8')
const documented = [...page.matchAll(/^```text\n([^]*?)^```$/gm)].flatMap(([, block]) =>
  block!
    .trimEnd()
    .split('\n')
    // As it is on standard error.
    .map((line) => line.replace(/^\[endless \d+\] /, '')),
)
const texts = logTexts(
  ['core', 'cli', 'fastify'].map((name) => path.join(root, 'packages', name, 'src')),
)

/** Whether a line can come of a text; what is waited for may be followed by how long. */
function fits(line: string, text: string): boolean {
  const pattern = text
    .split(hole)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  const end = text.startsWith('waiting for') ? '(?:, at most .*|, no time limit)?' : ''
  return new RegExp(`^${pattern}${end}$`).test(line)
}

test('there is a lot to say', () => {
  expect(texts.length).toBeGreaterThan(50)
})

describe('each text in the code has a line in the page', () => {
  test.each(texts)('%s', (text) => {
    expect(documented.some((line) => fits(line, text))).toBe(true)
  })
})

describe('each line of the page is one that the code logs', () => {
  test.each(documented)('%s', (line) => {
    expect(texts.filter((text) => fits(line, text))).not.toEqual([])
  })
})
