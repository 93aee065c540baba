// Proves that the younger end of a line believes what the older end has said, however late it reads it. A FIFO
// stands for the line: what is written to it can be read from it.
import { execFileSync } from 'node:child_process'
import { constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FallbackLine } from '../../src/handoff/fallback-line.js'
import { verdicts } from '../../src/handoff/heir-line.js'

const openSocket = (fd: number): net.Socket =>
  new net.Socket({ fd, readable: true, writable: true })

function openLine(): number {
  const directory = mkdtempSync(path.join(tmpdir(), 'endless-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const fifo = path.join(directory, 'line')
  execFileSync('mkfifo', [fifo])
  return openSync(fifo, constants.O_RDWR)
}

test.each(['serving', 'not-serving'] as const)(
  'a verdict that came while this process was blocked counts: %s',
  async (verdict) => {
    const fd = openLine()
    const blocked = {
      openSocket,
      setTimeout: (callback: () => void) => {
        writeSync(fd, verdicts[verdict])
        callback()
        return setTimeout(() => undefined, 0)
      },
    }
    const line = new FallbackLine(fd, 'not-serving', blocked)
    expect(await line.ask()).toBe(verdict)
    line.claim()
  },
)

test('without a verdict this process may serve', async () => {
  const late = { openSocket, setTimeout: (callback: () => void) => setTimeout(callback, 1) }
  const line = new FallbackLine(openLine(), 'serving', late)
  expect(await line.ask()).toBe('not-serving')
  line.claim()
})
