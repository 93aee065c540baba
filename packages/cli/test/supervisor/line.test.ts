// Proves what a line to a generation that does not read keeps: each message but text, and of text the end.
import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import type { FromSupervisor } from '@endless/core/for-cli'
import { expect, test } from 'vitest'
import { Line } from '../../src/supervisor/line.js'

const channelKey = Symbol('kChannelHandle')

/** A child whose end of the channel reads only when it is told to. */
class FakeChild extends EventEmitter {
  readonly connected = true
  readonly sent: FromSupervisor[] = []
  readonly [channelKey] = { writeQueueSize: 0, onread: () => undefined }
  #isReading = true
  #unread: (() => void)[] = []

  stop(): void {
    this.#isReading = false
  }

  read(): void {
    this.#isReading = true
    this[channelKey].writeQueueSize = 0
    for (const written of this.#unread.splice(0)) written()
  }

  send(message: FromSupervisor, _handle: undefined, callback: (error: null) => void): void {
    this.sent.push(message)
    const written = (): void => {
      callback(null)
    }
    if (this.#isReading) process.nextTick(written)
    else {
      this[channelKey].writeQueueSize++
      this.#unread.push(written)
    }
  }
}

function open() {
  const child = new FakeChild()
  const unread: string[] = []
  const line = new Line(
    child as unknown as ChildProcess,
    () => undefined,
    () => undefined,
    () => unread.push('unread'),
  )
  return { child, line, unread }
}

const text = (text: string) => ({ type: 'stderr', text }) as const
const sent = ({ sent }: FakeChild) =>
  sent.map((message) => (message.type === 'stderr' ? message.text : message.type))

test('text goes out as it comes while the generation reads', async () => {
  const { child, line } = open()
  for (const part of ['a', 'b', 'c']) expect(await line.send(text(part))).toBe(true)
  expect(sent(child)).toEqual(['a', 'b', 'c'])
})

test('text that nobody reads is put together, and a message goes out behind all that was written before it', async () => {
  const { child, line } = open()
  child.stop()
  for (const part of ['a', 'b', 'c']) void line.send(text(part))
  void line.send({ type: 'predecessor-gone' })
  for (const part of ['d', 'e']) void line.send(text(part))
  expect(sent(child)).toEqual(['a', 'bc', 'predecessor-gone'])
  child.read()
  await new Promise((resolve) => setImmediate(resolve))
  expect(sent(child)).toEqual(['a', 'bc', 'predecessor-gone', 'de'])
})

test('of much text the end is kept, and no message is dropped for it', async () => {
  const { child, line } = open()
  child.stop()
  for (let count = 0; count < 30_000; count++) void line.send(text(`line ${String(count)}\n`))
  const answer = line.send({ type: 'predecessor-gone' })
  child.read()
  expect(await answer).toBe(true)
  const [first, rest, last] = sent(child)
  expect([first, last]).toEqual(['line 0\n', 'predecessor-gone'])
  expect(child.sent).toHaveLength(3)
  expect(rest).toHaveLength(16_384)
  expect(rest?.endsWith('line 29998\nline 29999\n')).toBe(true)
})

test('a generation that leaves 10,000 other messages unread is given up, once', async () => {
  const { child, line, unread } = open()
  child.stop()
  const sends = Array.from({ length: 10_000 }, () => line.send({ type: 'predecessor-gone' }))
  expect(unread).toEqual([])
  expect(await line.send({ type: 'predecessor-gone' })).toBe(false)
  expect(await line.send({ type: 'predecessor-gone' })).toBe(false)
  await line.closed
  expect([unread, child.sent.length]).toEqual([['unread'], sends.length])
})
