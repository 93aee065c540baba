// The part of HTTP/2 (RFC 9113, RFC 7541) that a client needs to send frames which Node's client would not.

const types = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
] as const
const goaway = 7

export interface Http2Frame {
  type: (typeof types)[number] | 'GOAWAY' | 'OTHER'
  stream: number
  payload: Buffer
}

/** The beginning of a connection: the preface, and an empty SETTINGS frame. */
export const http2Preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(4, 0, 0, Buffer.alloc(0)),
])

/** Returns a complete GET request. */
export function http2Get(stream: number, path: string): Buffer {
  const literal = (name: number, text: string) =>
    Buffer.concat([Buffer.from([name, text.length]), Buffer.from(text)])
  // :method GET, :scheme http, :path, :authority; without Huffman coding, not added to the dynamic table.
  const block = Buffer.concat([
    Buffer.from([0x82, 0x86]),
    literal(4, path),
    literal(1, 'localhost'),
  ])
  const endsStreamAndHeaders = 0x5
  return frame(1, endsStreamAndHeaders, stream, block)
}

/** Returns the GOAWAY of a client that opens no more streams. */
export function http2Goaway(): Buffer {
  return frame(goaway, 0, 0, Buffer.alloc(8)) // last stream 0, since the server opened none; no error
}

/** Returns the complete frames in the bytes that a server has sent. */
export function parseHttp2Frames(bytes: Buffer): Http2Frame[] {
  const frames: Http2Frame[] = []
  for (let at = 0; at + 9 <= bytes.length;) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    const code = bytes.readUInt8(at + 3)
    frames.push({
      type: code === goaway ? 'GOAWAY' : (types[code] ?? 'OTHER'),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    })
    at = end
  }
  return frames
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header.writeUInt8(type, 3)
  header.writeUInt8(flags, 4)
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, payload])
}
