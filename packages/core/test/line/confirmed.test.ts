// Proves that the send of a handle waits for what becomes of it, each for its own.
import { expect, test, vi } from 'vitest'
import type { Channel } from '../../src/line/channel.js'
import { confirmed } from '../../src/line/confirmed.js'
import { HandleLost } from '../../src/line/handle-lost.js'
import { NeverSent } from '../../src/line/never-sent.js'
import { PeerGone } from '../../src/line/peer-gone.js'
import type { RawHandle } from '../../src/node/internals/raw-handle.js'
import { settle } from '../fake-system.js'

interface Text {
  type: string
}

const handle: RawHandle = { close: () => undefined }

function open() {
  const write = vi.fn((): Promise<void> => Promise.resolve())
  let close!: () => void
  const channel: Channel<Text, Text> = confirmed({
    send: write,
    onMessage: () => undefined,
    onHandleAnswer: () => undefined,
    closed: new Promise((resolve) => (close = resolve)),
    ref: () => undefined,
    unref: () => undefined,
  })
  return { channel, write, close }
}

/** How each send has ended so far. */
function follow(sends: Promise<void>[]): unknown[] {
  const outcomes: unknown[] = sends.map(() => 'waits')
  sends.forEach((send, at) => {
    send.then(
      () => (outcomes[at] = 'taken'),
      (error: unknown) => (outcomes[at] = error),
    )
  })
  return outcomes
}

test('a message alone has been sent when it was written', async () => {
  const { channel } = open()
  await channel.send({ type: 'a' })
})

test('handles are answered in the order in which they were sent', async () => {
  const { channel } = open()
  const outcomes = follow(['a', 'b', 'c'].map((type) => channel.send({ type }, handle)))
  channel.onHandleAnswer(true)
  channel.onHandleAnswer(false)
  await settle()
  expect(outcomes).toEqual(['taken', expect.any(HandleLost), 'waits'])
})

test('one that could not be written is answered by nobody', async () => {
  const { channel, write } = open()
  write.mockRejectedValueOnce(new Error('closed'))
  const outcomes = follow(['a', 'b'].map((type) => channel.send({ type }, handle)))
  await settle()
  channel.onHandleAnswer(true)
  await settle()
  expect(outcomes).toEqual([new Error('closed'), 'taken'])
})

test('of those that wait at the end of the line, the first may have arrived, and no other was sent', async () => {
  const { channel, close, write } = open()
  const waiting = follow(['a', 'b'].map((type) => channel.send({ type }, handle)))
  close()
  await settle()
  const later = follow([channel.send({ type: 'c' }, handle)])
  await settle()
  expect([...waiting, ...later]).toEqual([new PeerGone(), new NeverSent(), new NeverSent()])
  expect(write).toHaveBeenCalledTimes(2)
})
