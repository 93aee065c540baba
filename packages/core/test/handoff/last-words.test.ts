// Proves what the error of a restart tells of a successor: why it failed, and what that is known by.
import { describe, expect, test } from 'vitest'
import type { EndlessError } from '../../src/api/endless-error.js'
import type { Exit } from '../../src/handoff/child.js'
import { LastWords } from '../../src/handoff/last-words.js'

const explain = (words: LastWords, hasTakenOver = false, hasSaidHello = true): EndlessError =>
  words.explain({
    code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
    whatItDid: 'exited with code 1',
    successor: { number: 1, pid: 101 },
    predecessor: { number: 0, pid: 100 },
    hasTakenOver,
    hasSaidHello,
  })

test('one that has said nothing is told of by what it did', () => {
  const error = explain(new LastWords())
  expect(error.message).toBe(
    'Generation 1 (pid 101) exited with code 1. Generation 0 (pid 100) still serves.',
  )
  expect(error).toMatchObject({ pid: 101, exitCode: null, signal: null, stderr: [] })
  expect(error.cause).toBe(undefined)
})

test('one that has never come in is told of by that, unless it has said why', () => {
  const words = new LastWords()
  expect(explain(words, false, false).message).toMatch(
    /code 1: it has not come in: Node has run no/,
  )
  words.diedOf({ name: 'Error', message: 'no licence' })
  expect(explain(words, false, false).message).toMatch(/code 1: Error: no licence[.] Generation 0/)
})

test('the error that it has died of is the reason, with its place, and the cause', () => {
  const words = new LastWords()
  words.wrote('connecting\n')
  const stack = 'TypeError: x is no function\n    at file:///srv/app/app.js:3:7'
  words.diedOf({ name: 'TypeError', message: 'x is no function', stack, code: 'E_X' })
  words.exited({ code: null, signal: 'SIGKILL' })
  const error = explain(words, true)
  expect(error.message).toContain(
    'code 1: TypeError: x is no function (/srv/app/app.js:3:7). Generation 0 (pid 100) takes over again.',
  )
  expect(error).toMatchObject({
    signal: 'SIGKILL',
    stderr: ['connecting'],
    cause: { name: 'TypeError', message: 'x is no function', stack, code: 'E_X' },
  })
})

test('else it is the last line that it has written, other than what endless logs', () => {
  const words = new LastWords()
  words.wrote('no data')
  words.wrote('base\n\n[endless 101] generation 1 (pid 101) serves 127.0.0.1:80\n')
  const error = explain(words)
  expect(error.message).toContain('code 1: no database.')
  expect(error.stderr).toEqual([
    'no database',
    '[endless 101] generation 1 (pid 101) serves 127.0.0.1:80',
  ])
})

test('of much that it has written the end is kept', () => {
  const words = new LastWords()
  for (let line = 0; line < 10_000; line++) words.wrote(`line ${String(line)}\n`)
  expect(explain(words).stderr).toEqual(
    Array.from({ length: 20 }, (_, index) => `line ${String(9_980 + index)}`),
  )
})

describe('an error that the program has handled', () => {
  const handled = { name: 'TypeError', message: 'handled', isHandled: true }
  const words = (exit?: Exit): LastWords => {
    const words = new LastWords()
    words.diedOf(handled)
    words.wrote('the request failed: handled\n')
    if (exit) words.exited(exit)
    return words
  }

  test.each([
    ['it exits with a code that says so', { code: 1, signal: null }],
    ['it never gets ready', undefined],
  ])('is the reason where %s', (_, exit) => {
    expect(words(exit).error).toBe('TypeError: handled')
    expect(explain(words(exit)).cause).toMatchObject({ message: 'handled' })
  })

  test.each([
    ['it exits with 0', { code: 0, signal: null }],
    ['it is killed', { code: null, signal: 'SIGKILL' as const }],
  ])('is none where %s, and nor is what it wrote of it', (_, exit) => {
    expect(words(exit).error).toBe(undefined)
    const error = explain(words(exit))
    expect(error.message).toMatch(/exited with code 1\. Generation 0/)
    expect(error.cause).toBe(undefined)
    expect(error.stderr).toEqual(['the request failed: handled'])
  })

  test('does not take the place of one that it has died of', () => {
    const both = words()
    both.diedOf({ name: 'Error', message: 'the end' })
    both.diedOf(handled)
    both.exited({ code: null, signal: 'SIGKILL' })
    expect(both.error).toBe('Error: the end')
  })
})
