// Proves what ends a probation, in which way, and that it ends once.
import { beforeEach, describe, expect, test } from 'vitest'
import type { EndlessError } from '../../src/api/endless-error.js'
import type { AnswerCount } from '../../src/connections/answer-counter.js'
import type { Plea } from '../../src/handoff/successor.js'
import { type Deferred, deferred } from '../../src/node/waits.js'
import { Probation, reasonText, rolledBack } from '../../src/process/probation.js'
import { FakeSystem, settle } from '../fake-system.js'

let system: FakeSystem
let seen: string[]
let serving: Deferred<void>
let left: Deferred<void>
let cutOff: Deferred<void>
let lost: Deferred<void>
let successor: {
  prove: () => void
  serving: Promise<void>
  left: Promise<void>
  cutOff: Promise<void>
  lost: Promise<void>
  onPlea: (plea: Plea) => void
  askAlive: () => void
  askAnswers: () => void
}
let isBlocked: boolean

beforeEach(() => {
  system = new FakeSystem()
  seen = []
  serving = deferred()
  serving.resolve()
  left = deferred()
  cutOff = deferred()
  lost = deferred()
  isBlocked = false
  successor = {
    prove: () => seen.push('told'),
    serving: serving.promise,
    left: left.promise,
    cutOff: cutOff.promise,
    lost: lost.promise,
    onPlea: () => undefined,
    askAlive: () => {
      if (!isBlocked) successor.onPlea({ type: 'alive' })
    },
    askAnswers: () => seen.push('asked'),
  }
})

function begin(
  probationMs: number,
  maxBlockedMs = 0,
  errors?: { maxErrors: number; before: AnswerCount },
): Probation {
  const probation: Probation = new Probation({
    system,
    successor,
    probationMs,
    maxBlockedMs,
    errors,
    proved: () => seen.push('proved'),
    rollBack: (reason) => {
      seen.push(reason)
      probation.rolledBack(
        rolledBack(reason, { number: 1, pid: 101, stderr: [] }, { number: 0, pid: 100 }),
      )
    },
  })
  void probation.over.then(() => seen.push('over'))
  probation.proven.then(
    () => seen.push('passed'),
    (error: unknown) => seen.push((error as EndlessError).code),
  )
  return probation
}

test('it passes when its time has, and the successor is told', async () => {
  const probation = begin(60_000)
  await system.advance(59_999)
  expect([probation.isUnderWay, seen]).toEqual([true, []])
  await system.advance(1)
  expect(probation.isUnderWay).toBe(false)
  expect(seen).toEqual(['told', 'proved', 'passed', 'over'])
})

test('it ends when the successor answers with more errors than this process did', async () => {
  begin(60_000, 0, { maxErrors: 0.01, before: { answers: 1_000, errors: 0 } })
  const says = (answers: number, errors: number): void => {
    successor.onPlea({ type: 'answers', answers, errors })
  }
  says(0, 0)
  await system.advance(1_000)
  says(500, 1)
  await system.advance(1_000)
  expect(seen).toEqual(['asked', 'asked', 'asked'])
  says(1_000, 50)
  await settle()
  expect(seen.slice(3)).toEqual([
    '50 of its last 1000 answers had a status of 5xx, and 0 of 1000 before the restart',
    'ERR_ENDLESS_ROLLED_BACK',
  ])
  await system.advance(10_000)
  expect(seen).toHaveLength(5)
})

test('one without a time passes when it is told to', async () => {
  const probation = begin(-1)
  await system.advance(100_000_000)
  expect(seen).toEqual([])
  probation.prove()
  probation.prove()
  await settle()
  expect(seen).toEqual(['told', 'proved', 'passed', 'over'])
})

describe('the successor', () => {
  test('may say that it is proven', async () => {
    begin(60_000)
    successor.onPlea({ type: 'ask-proven' })
    await settle()
    expect(seen).toEqual(['told', 'proved', 'passed', 'over'])
  })

  test('may ask to be rolled back, once: nobody stays behind for that', async () => {
    begin(60_000)
    successor.onPlea({ type: 'ask-rollback', reason: 'it is bad' })
    successor.onPlea({ type: 'ask-rollback', reason: 'it is worse' })
    successor.onPlea({ type: 'ask-proven' })
    await system.advance(60_000)
    expect(seen).toEqual(['it is bad', 'ERR_ENDLESS_ROLLED_BACK'])
  })

  test('is not proven before it has said that it serves', async () => {
    serving = deferred()
    successor.serving = serving.promise
    begin(1_000)
    await system.advance(2_000)
    expect(seen).toEqual([])
    serving.resolve()
    await settle()
    expect(seen).toContain('proved')
  })

  test('may leave, with the whole service: it is not proven, and nobody waits', async () => {
    const probation = begin(60_000)
    left.resolve()
    await settle()
    expect([probation.isUnderWay, [...seen].sort()]).toEqual([
      false,
      ['ERR_ENDLESS_NOT_ON_PROBATION', 'over'],
    ])
    expect(system.pendingMs).toEqual([])
  })

  test.each([
    ['its line is cut', () => cutOff],
    ['the supervisor has died', () => lost],
  ])('cannot be rolled back when %s, and it can be told nothing more', async (_, end) => {
    const probation = begin(60_000)
    end().resolve()
    await settle()
    expect([probation.isUnderWay, [...seen].sort()]).toEqual([
      false,
      ['ERR_ENDLESS_NOT_ON_PROBATION', 'over'],
    ])
    expect(system.pendingMs).toEqual([])
  })

  test('is rolled back if its event loop is blocked', async () => {
    begin(60_000, 5_000)
    await system.advance(10_000)
    expect(seen).toEqual([])
    isBlocked = true
    await system.advance(6_500)
    expect(seen).toEqual(['its event loop was blocked for 5 s', 'ERR_ENDLESS_ROLLED_BACK'])
    expect(system.pendingMs).toEqual([])
  })
})

test.each([
  ['it is bad.', 'it is bad'],
  ['  ', 'a rollback was requested'],
  [undefined, 'a rollback was requested'],
  ['x'.repeat(9_000), 'x'.repeat(2_000)],
])('the reason %.20s stands in the log as it should', (given, text) => {
  expect(reasonText(given)).toBe(text)
})
