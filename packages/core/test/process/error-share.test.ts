// Proves that a version with more errors than the one before is found soon, and that chance finds none.
import { describe, expect, test } from 'vitest'
import { isWorse } from '../../src/process/error-share.js'
import { RecentAnswers } from '../../src/process/recent-answers.js'

describe('a version is worse', () => {
  test.each([
    ['5 % after none, of 500', { answers: 500, errors: 25 }, { answers: 1_000, errors: 0 }, true],
    ['nothing but errors, of 30', { answers: 30, errors: 30 }, { answers: 5, errors: 0 }, true],
    ['12 % after 5 %', { answers: 2_000, errors: 240 }, { answers: 1_000, errors: 50 }, true],
    [
      'as before, above the bound',
      { answers: 30_000, errors: 1_500 },
      { answers: 250, errors: 12 },
      false,
    ],
    ['below the bound', { answers: 30_000, errors: 290 }, { answers: 30_000, errors: 0 }, false],
    ['one error', { answers: 1, errors: 1 }, { answers: 1_000, errors: 0 }, false],
    [
      'nothing is known of the one before',
      { answers: 100, errors: 100 },
      { answers: 0, errors: 0 },
      false,
    ],
    ['no answer', { answers: 0, errors: 0 }, { answers: 0, errors: 0 }, false],
    ['fewer errors', { answers: 1_000, errors: 20 }, { answers: 1_000, errors: 900 }, false],
  ])('%s: %j after %j: %s', (_, now, before, expected) => {
    expect(isWorse(now, before, 0.01)).toBe(expected)
  })

  test('with a bound of 0 and of 1', () => {
    const [now, before] = [
      { answers: 500, errors: 25 },
      { answers: 1_000, errors: 0 },
    ]
    expect([isWorse(now, before, 0), isWorse(now, before, 1)]).toEqual([true, false])
  })
})

/** Returns numbers from 0 to 1, the same ones each time. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

test.each([
  [500, 0.05, 1_000],
  [20, 0.2, 100],
  [2, 0.5, 10],
])(
  'of 1,000 restarts with %i answers a second and %d of errors in both versions, chance finds none worse',
  (perSecond, errors, before) => {
    const random = chance(42)
    const count = (answers: number) => {
      let found = 0
      for (let each = 0; each < answers; each++) if (random() < errors) found++
      return { answers, errors: found }
    }
    let wrong = 0
    for (let restart = 0; restart < 1_000; restart++) {
      const known = count(before)
      const recent = new RecentAnswers()
      let total = { answers: 0, errors: 0 }
      for (let second = 0; second < 60; second++) {
        const more = count(perSecond)
        total = { answers: total.answers + more.answers, errors: total.errors + more.errors }
        recent.add(total)
        if ([10, 60].some((window) => isWorse(recent.last(window), known, 0.01))) wrong++
      }
    }
    expect(wrong).toBe(0)
  },
)

test('the last minute is kept, and no more', () => {
  const recent = new RecentAnswers()
  expect(recent.last(60)).toEqual({ answers: 0, errors: 0 })
  for (let second = 1; second <= 100; second++) {
    recent.add({ answers: 10 * second, errors: second })
  }
  expect(recent.last(10)).toEqual({ answers: 100, errors: 10 })
  expect(recent.last(60)).toEqual({ answers: 600, errors: 60 })
  expect(recent.last(90)).toEqual({ answers: 600, errors: 60 })
})
