// Proves what the error of a restart tells of a successor: why it failed, and what that is known by.
import { expect, test } from 'vitest'
import type { EndlessError } from '../../src/api/endless-error.js'
import { LastWords } from '../../src/handoff/last-words.js'

const explain = (words: LastWords, hasTakenOver = false): EndlessError =>
  words.explain({
    code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
    whatItDid: 'exited with code 1',
    pid: 101,
    hasTakenOver,
  })

test('one that has said nothing is told of by what it did', () => {
  const error = explain(new LastWords())
  expect(error.message).toBe(
    'The successor (pid 101) exited with code 1. This generation keeps serving.',
  )
  expect(error).toMatchObject({ pid: 101, exitCode: null, signal: null, stderr: [] })
  expect(error.cause).toBe(undefined)
})

test('the error that it has died of is the reason, with its place, and the cause', () => {
  const words = new LastWords()
  words.wrote('connecting\n')
  const stack = 'TypeError: x is no function\n    at file:///srv/app/app.js:3:7'
  words.diedOf({ name: 'TypeError', message: 'x is no function', stack, code: 'E_X' })
  words.exited({ code: null, signal: 'SIGKILL' })
  const error = explain(words, true)
  expect(error.message).toContain(
    'code 1: TypeError: x is no function (/srv/app/app.js:3:7). This generation serves again.',
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
  words.wrote('base\n\n[endless 101] serving 127.0.0.1:80\n')
  const error = explain(words)
  expect(error.message).toContain('code 1: no database.')
  expect(error.stderr).toEqual(['no database', '[endless 101] serving 127.0.0.1:80'])
})

test('of much that it has written the end is kept', () => {
  const words = new LastWords()
  for (let line = 0; line < 10_000; line++) words.wrote(`line ${String(line)}\n`)
  expect(explain(words).stderr).toEqual(
    Array.from({ length: 20 }, (_, index) => `line ${String(9_980 + index)}`),
  )
})
