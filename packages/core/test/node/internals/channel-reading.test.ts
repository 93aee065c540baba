// Proves that of garbage on a channel only the garbage is lost, wherever it stands and however the bytes arrive.
import { StringDecoder } from 'node:string_decoder'
import { describe, expect, test } from 'vitest'
import { readCarefully } from '../../../src/node/internals/channel-reading.js'

const jsonBuffer = Symbol('kJSONBuffer')
const stringDecoder = Symbol('kStringDecoder')

/** Parses as Node does (lib/internal/child_process/serialization.js, parseChannelMessages). */
function createChannel() {
  const messages: unknown[] = []
  const garbage: unknown[] = []
  const handle = {
    [jsonBuffer]: '',
    [stringDecoder]: undefined as StringDecoder | undefined,
    onread(buffer?: unknown) {
      if (!buffer) return
      handle[stringDecoder] ??= new StringDecoder('utf8')
      const chunks = handle[stringDecoder].write(Buffer.from(buffer as ArrayBuffer)).split('\n')
      const incomplete = chunks.pop()!
      if (chunks.length === 0) {
        handle[jsonBuffer] += incomplete
        return
      }
      chunks[0] = handle[jsonBuffer] + chunks[0]!
      for (const chunk of chunks) messages.push(JSON.parse(chunk))
      handle[jsonBuffer] = incomplete
    },
    readStart: () => 0,
  }
  readCarefully(handle, handle.onread.bind(handle), {
    onGarbage: (reason) => garbage.push(reason),
    onEnd: () => undefined,
  })
  const arrives = (bytes: Uint8Array) => {
    handle.onread(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  }
  return { handle, messages, garbage, arrives }
}

const first = { cmd: 'NODE_ENDLESS', type: 'hello', text: 'ä{"cmd":"NODE_' }
const second = { cmd: 'NODE_HANDLE', type: 'net.Native', msg: { cmd: 'NODE_ENDLESS', type: 'ü' } }
const half = '{"cmd":"NODE_ENDLESS","type":"rea'

describe.each([
  ['a line that is no JSON', 'garbage\n', 1],
  ['lines that are no JSON', 'x\n\ny\n\n', 4],
  ['half a message', half, 1],
  ['half a message, and a line of it', `${half}\n${half}`, 2],
  ['bytes that are no text', '\xff\xfe', 1],
  ['nothing', '', 0],
])('%s between two messages', (_, between, count) => {
  const text = [
    Buffer.from(`${JSON.stringify(first)}\n`),
    Buffer.from(between, between.includes('\xff') ? 'latin1' : 'utf8'),
    Buffer.from(`${JSON.stringify(second)}\n${JSON.stringify(first)}\n`),
  ]
  const bytes = Buffer.concat(text)

  test('costs neither of them, in as many pieces as there can be', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const channel = createChannel()
      channel.arrives(bytes.subarray(0, cut))
      channel.arrives(bytes.subarray(cut))
      expect(channel.messages).toEqual([first, second, first])
      expect(channel.garbage).toHaveLength(count)
      expect(channel.handle[jsonBuffer]).toBe('')
    }
  })

  test('nor if each byte arrives alone', () => {
    const channel = createChannel()
    for (const byte of bytes) channel.arrives(Uint8Array.of(byte))
    expect(channel.messages).toEqual([first, second, first])
  })
})

test('what the handler of a message throws is thrown on', () => {
  const { handle } = createChannel()
  readCarefully(
    handle,
    () => {
      throw new SyntaxError('of its own')
    },
    { onGarbage: () => expect.unreachable(), onEnd: () => undefined },
  )
  const bytes = Buffer.from(`${JSON.stringify(first)}\n`)
  expect(() => {
    handle.onread(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  }).toThrow('of its own')
})
