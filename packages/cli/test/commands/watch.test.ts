// Proves what `endless status --watch` writes: at a terminal a page in place of the one before, elsewhere one status
// below the other, and JSON in lines; and that it goes on when the service cannot be asked for a while.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Screen } from '../../src/commands/screen.js'
import { watch } from '../../src/commands/watch.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  for (const event of ['exit', 'SIGTSTP', 'SIGCONT']) process.removeAllListeners(event)
})

function outputOf(isTTY: boolean, rows = 24) {
  const written: string[] = []
  const resized: (() => void)[] = []
  return {
    written,
    resize: () => {
      for (const listener of resized) listener()
    },
    output: {
      isTTY,
      rows,
      write: (text: string) => written.push(text),
      on: (_: 'resize', listener: () => void) => resized.push(listener),
    },
  }
}

/** Answers with each of these, one after the other. */
function answers(...given: (string | Error)[]): () => Promise<string> {
  return () => {
    const next = given.shift()
    if (next === undefined) return new Promise(() => undefined)
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next)
  }
}

test('without a terminal one status follows the other, and a failure stands in its place', async () => {
  const { output, written } = outputOf(false)
  void watch(answers('one', new Error('gone'), 'two'), output, false)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(written).toEqual(['one\n\n', 'endless: gone\n\n', 'two\n\n'])
})

test('JSON is a line each time, whatever stands in it, also at a terminal', async () => {
  const { output, written } = outputOf(true)
  const told = { text: 'a\n  b', list: [1, { c: null }] }
  void watch(answers(JSON.stringify(told, null, 2), new Error('gone')), output, true)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(written).toHaveLength(2)
  expect(written[0]).toMatch(/^[^\n]+\n$/)
  expect(JSON.parse(written[0]!)).toEqual(told)
  expect(JSON.parse(written[1]!)).toEqual({ error: { message: 'gone' } })
})

test('if the first answer fails, nothing is drawn', async () => {
  const { output, written } = outputOf(true)
  await expect(watch(answers(new Error('absent')), output, false)).rejects.toThrow('absent')
  expect(written).toEqual([])
})

test('at a terminal each answer is drawn over the last one, and again when the size changes', async () => {
  const { output, written, resize } = outputOf(true, 4)
  void watch(answers('a\nb\nc', 'd'), output, false)
  await vi.advanceTimersByTimeAsync(0)
  expect(written[0]).toContain('\x1b[?1049h')
  // Two lines of the head, and as many of the answer as fit.
  expect(written.at(-1)).toMatch(
    /^\x1b\[H.*Ctrl-C ends\x1b\[K\r\n\x1b\[K\r\na\x1b\[K\r\nb\x1b\[K\x1b\[J$/,
  )
  await vi.advanceTimersByTimeAsync(1_000)
  expect(written.at(-1)).toMatch(/\r\nd\x1b\[K\x1b\[J$/)
  const drawn = written.length
  resize()
  expect(written).toHaveLength(drawn + 1)
})

test('a screen leaves the terminal as it was, once, and writes nothing after that', () => {
  const written: string[] = []
  const screen = new Screen({ rows: 24, write: (text) => written.push(text) })
  screen.close()
  screen.show('page')
  expect(written).toEqual([])
  screen.open()
  screen.open()
  screen.close()
  screen.close()
  screen.draw()
  expect(written.filter((text) => text.includes('\x1b[?1049h'))).toHaveLength(1)
  expect(written.at(-1)).toBe('\x1b[?7h\x1b[?25h\x1b[?1049l')
  expect(written.filter((text) => text.includes('\x1b[?1049l'))).toHaveLength(1)
})

test('a terminal that does not say how large it is gets as much as fits the usual one', () => {
  const written: string[] = []
  const screen = new Screen({ rows: 0, write: (text) => written.push(text) })
  screen.open()
  screen.show(Array.from({ length: 30 }, (_, line) => `line ${line}`).join('\n'))
  expect(written.at(-1)).toContain('line 23')
  expect(written.at(-1)).not.toContain('line 24')
})
