// Proves that nobody waits for ever for a generation that hears nothing, and that none is killed which answers.
import { type FromSupervisor, turns } from '@endless/core/for-cli'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Generation } from '../../src/supervisor/generation.js'
import { Questions } from '../../src/supervisor/questions.js'
import { UnresponsiveGenerations } from '../../src/supervisor/unresponsive-generations.js'

class FakeGeneration {
  readonly number = 3
  readonly pid = 41
  isReady = true
  hasEnded = false
  readonly asked: number[] = []
  readonly signals: string[] = []

  send(message: FromSupervisor): Promise<boolean> {
    if (message.type === 'ask') this.asked.push(message.id)
    return Promise.resolve(true)
  }

  signal(signal: string): void {
    this.signals.push(signal)
  }
}

const logged: string[] = []
const log = (line: string) => void logged.push(line)
let questions: Questions
let unresponsive: UnresponsiveGenerations
let fake: FakeGeneration
let generation: Generation

beforeEach(() => {
  // Not `setImmediate`: after a time, what waits in the kernel is read first.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  logged.length = 0
  questions = new Questions()
  unresponsive = new UnresponsiveGenerations(questions, { info: log, warn: log, error: log }, 10)
  fake = new FakeGeneration()
  generation = fake as unknown as Generation
})

afterEach(() => void vi.useRealTimers())

function answer(): void {
  for (const id of fake.asked) questions.answer(generation, { type: 'answer', id, value: 'fine' })
}

const death = { code: 1, signal: null, stderr: [] }

test('a question that is not answered in time is refused with the reason; its answer comes too late', async () => {
  const asked = expect(questions.ask(generation, { what: 'status' }, 5_000)).rejects.toMatchObject({
    code: 'ERR_ENDLESS_UNRESPONSIVE',
    message:
      'No answer from generation 3 (pid 41): its event loop is blocked. Nothing was changed.',
  })
  await vi.advanceTimersByTimeAsync(5_000)
  await asked
  answer()
})

test('an answer that came while this process was blocked, as its timer did, counts', async () => {
  const asked = questions.ask(generation, { what: 'status' }, 5_000)
  vi.advanceTimersByTime(5_000)
  answer()
  expect(await asked).toBe('fine')
})

test('one that is answered leaves no timer, nor does the end of the generation', async () => {
  const answered = questions.ask(generation, { what: 'status' }, 5_000)
  answer()
  expect(await answered).toBe('fine')
  const lost = questions.ask(generation, { what: 'status' }, 5_000)
  questions.ended(generation, death)
  await expect(lost).rejects.toMatchObject({
    code: 'ERR_ENDLESS_REQUEST_FAILED',
    message:
      'No answer: generation 3 (pid 41) exited with code 1 first. See the status, then ask again.',
  })
  expect(vi.getTimerCount()).toBe(0)
})

test('a restart is waited for without limit', async () => {
  const restarting = questions.ask(generation, { what: 'restart' })
  await vi.advanceTimersByTimeAsync(600_000)
  answer()
  expect(await restarting).toBe('fine')
})

test('one that does not hear that it shall stop is told of after 10 s, with the remedy, and not killed', async () => {
  unresponsive.stopped([generation])
  await vi.advanceTimersByTimeAsync(9_999)
  expect(logged).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  await turns(3)
  expect(logged).toEqual([
    expect.stringMatching(
      /^generation 3 \(pid 41\) has not answered for 10 s .* SIGUSR2 to pid 10/,
    ),
  ])
  await vi.advanceTimersByTimeAsync(600_000)
  expect(fake.signals).toEqual([])
})

test('one that does not hear the hammer is killed after 5 s', async () => {
  unresponsive.hammered([generation])
  await vi.advanceTimersByTimeAsync(4_999)
  expect(fake.signals).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  await turns(3)
  expect(fake.signals).toEqual(['SIGKILL'])
})

test('one that answers is left alone, also when it takes long to end', async () => {
  unresponsive.stopped([generation])
  unresponsive.hammered([generation])
  answer()
  await vi.advanceTimersByTimeAsync(600_000)
  expect(fake.signals).toEqual([])
  expect(logged).toEqual([])
})

test('of one that ends nothing is said', async () => {
  unresponsive.stopped([generation])
  unresponsive.hammered([generation])
  fake.hasEnded = true
  questions.ended(generation, death)
  await vi.advanceTimersByTimeAsync(600_000)
  expect(logged).toEqual([])
})

test('one that never listened is not expected to answer SIGTERM', async () => {
  fake.isReady = false
  unresponsive.stopped([generation])
  await vi.advanceTimersByTimeAsync(600_000)
  expect(logged).toEqual([])
})
