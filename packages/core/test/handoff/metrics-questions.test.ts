// Proves that a question for metrics is answered, or given up in time: nobody hangs who asks.
import { beforeEach, expect, test } from 'vitest'
import { MetricsQuestions } from '../../src/handoff/metrics-questions.js'
import { FakeSystem, settle } from '../fake-system.js'

let system: FakeSystem
let asked: number[]
let questions: MetricsQuestions

beforeEach(() => {
  system = new FakeSystem()
  asked = []
  questions = new MetricsQuestions(system, async ({ id }) => void asked.push(id))
})

test('each question has its own answer', async () => {
  const answers = [questions.ask(), questions.ask()]
  questions.answered({ type: 'metrics', id: asked[1]!, text: 'second' })
  questions.answered({ type: 'metrics', id: asked[0]!, text: 'first' })
  questions.answered({ type: 'metrics', id: 99, text: 'nobody asked' })
  expect(await Promise.all(answers)).toEqual(['first', 'second'])
})

test('one that is not answered within 2.5 s has no answer', async () => {
  const answer = questions.ask()
  await system.advance(2_500)
  expect(await answer).toBeUndefined()
  questions.answered({ type: 'metrics', id: asked[0]!, text: 'too late' })
})

test('nor has one that cannot be asked, or whose other side is gone', async () => {
  const deaf = new MetricsQuestions(system, () => Promise.reject(new Error('gone')))
  expect(await deaf.ask()).toBeUndefined()
  const answer = questions.ask()
  await settle()
  questions.lose()
  expect(await answer).toBeUndefined()
})
