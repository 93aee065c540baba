// Proves that the list of error codes, the code that uses them and docs/errors.md name the same ones.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { EndlessError, errorCodes, messageOf } from '../../src/api/endless-error.js'

const packages = fileURLToPath(new URL('../../..', import.meta.url))
const docs = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')

/** Every code that a source file of ours names, apart from the list itself and comments. */
function usedCodes(): string[] {
  const sources = readdirSync(packages)
    .flatMap((name) =>
      readdirSync(path.join(packages, name, 'src'), { recursive: true }).map((file) =>
        path.join(packages, name, 'src', String(file)),
      ),
    )
    .filter((file) => file.endsWith('.ts') && !file.endsWith('errors.ts'))
  const codes = sources.flatMap(
    (file) => readFileSync(file, 'utf8').match(/'ERR_ENDLESS_\w+'/g) ?? [],
  )
  return [...new Set(codes.map((code) => code.slice(1, -1)))].sort()
}

test('every code is used, and every code that is used is in the list', () => {
  expect(usedCodes()).toEqual([...errorCodes].sort())
})

test('docs/errors.md has an entry for each code, and no other, in the order of the list', () => {
  const entries = [...docs.matchAll(/^## `?(\w+)`?$/gm)].map(([, code]) => code)
  expect(entries).toEqual([...errorCodes])
})

test.each(errorCodes)('the entry of %s says what happened, why, and what to do', (code) => {
  const entry = docs.split(/^## /m).find((text) => text.startsWith(`\`${code}\``)) ?? ''
  const labels = [...entry.matchAll(/^\*\*(.+?)\*\*/gm)].map(([, label]) => label)
  expect(labels).toEqual(['What happened.', 'Why.', 'What to do.'])
})

describe('EndlessError', () => {
  test('carries its code, its cause and what is known of the successor', () => {
    const cause = new Error('no database')
    const error = new EndlessError('ERR_ENDLESS_SUCCESSOR_EXITED', 'It exited.', {
      cause,
      pid: 4711,
      exitCode: 1,
      signal: null,
      stderr: ['no database'],
    })
    expect(error).toBeInstanceOf(Error)
    expect(Object.assign({}, error)).toEqual({
      name: 'EndlessError',
      code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
      pid: 4711,
      exitCode: 1,
      signal: null,
      stderr: ['no database'],
    })
    expect(error.cause).toBe(cause)
    expect(error.message).toBe('It exited.')
  })

  test('has no cause and no details of its own when there are none', () => {
    const error = new EndlessError('ERR_ENDLESS_NOT_BEGUN', 'Not yet.')
    expect(Object.keys(error).sort()).toEqual(['code', 'name'])
    expect('cause' in error).toBe(false)
  })

  test('its stack begins with its name and message', () => {
    const error = new EndlessError('ERR_ENDLESS_NOT_BEGUN', 'Not yet.')
    expect(String(error)).toBe('EndlessError: Not yet.')
  })
})

test.each([
  [new TypeError('x is not a function'), 'x is not a function'],
  ['a string', 'a string'],
  [undefined, 'undefined'],
  [null, 'null'],
  [new URL('file:///an-object'), 'file:///an-object'],
])('messageOf(%s) is one line for a log', (thrown, line) => {
  expect(messageOf(thrown)).toBe(line)
})
