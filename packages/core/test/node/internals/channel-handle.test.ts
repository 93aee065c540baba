// Proves that a channel keeps no message that never ends, and loses none at its end.
import type { ChildProcess } from 'node:child_process'
import { expect, test } from 'vitest'
import { watchChannel } from '../../../src/node/internals/channel-handle.js'

const jsonBuffer = Symbol('kJSONBuffer')

test('what has arrived of a message that is far too long is dropped, and told', () => {
  const handle = {
    [jsonBuffer]: '',
    onread(bytes?: unknown) {
      handle[jsonBuffer] += Buffer.from(bytes as ArrayBuffer).toString()
    },
    readStart: () => 0,
  }
  const child = { [Symbol('kChannelHandle')]: handle } as unknown as ChildProcess
  const garbage: unknown[] = []
  watchChannel(child, {
    onEnd: () => undefined,
    onGarbage: (reason) => garbage.push(reason),
  })
  const part = () => new ArrayBuffer(16 * 1_048_576)
  for (let read = 0; read < 4; read++) handle.onread(part())
  expect([handle[jsonBuffer].length, garbage]).toEqual([4 * part().byteLength, []])
  handle.onread(new ArrayBuffer(1))
  expect([handle[jsonBuffer], garbage]).toEqual(['', [new Error('it is too long')]])
})

test('an end is believed when it comes twice', () => {
  const seen: unknown[] = []
  const handle = {
    onread: (bytes?: unknown) => seen.push(bytes),
    readStart: () => seen.push('reads again') && 0,
  }
  const child = { [Symbol('kChannelHandle')]: handle } as unknown as ChildProcess
  watchChannel(child, { onEnd: () => seen.push('end'), onGarbage: (reason) => seen.push(reason) })
  handle.onread()
  handle.onread('last words')
  handle.onread()
  handle.onread()
  const expected = ['reads again', 'last words', 'reads again', undefined, 'end']
  expect(seen).toEqual(expected)
})
