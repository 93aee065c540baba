// Proves what somebody who waits sees: at a terminal one line with the seconds, elsewhere a line for each step.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Progress } from '../../src/control/progress.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function watch(isTTY: boolean): { written: string[]; progress: Progress } {
  const written: string[] = []
  return { written, progress: new Progress({ isTTY, write: (text) => written.push(text) }) }
}

const clear = '\r\x1b[K'

test('in a log each step is a line, once', () => {
  const { written, progress } = watch(false)
  progress.step('booting …')
  progress.step('booting …')
  vi.advanceTimersByTime(3_000)
  progress.step('draining …')
  progress.end()
  expect(written).toEqual(['booting …\n', 'draining …\n'])
})

test('at a terminal the line counts the seconds, and is gone at the end', () => {
  const { written, progress } = watch(true)
  progress.step('booting …')
  vi.advanceTimersByTime(2_000)
  progress.end()
  vi.advanceTimersByTime(5_000)
  expect(written).toEqual([
    `${clear}booting …`,
    `${clear}booting … 1 s`,
    `${clear}booting … 2 s`,
    clear,
  ])
})

test('without a step nothing is written', () => {
  const { written, progress } = watch(true)
  progress.end()
  expect(written).toEqual([])
})
