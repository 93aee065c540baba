// As much of HTTP/2 as a client needs that sends what Node's own would not (RFC 9113, RFC 7541).

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

/** What a connection begins with: the preface, and settings that set nothing. */
export const http2Preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(4, 0, 0, Buffer.alloc(0)),
])

/** A whole GET request. */
export function http2Get(stream: number, path: string): Buffer {
  const literal = (name: number, text: string) =>
    Buffer.concat([Buffer.from([name, text.length]), Buffer.from(text)])
  // :method GET, :scheme http, :path, :authority; without Huffman, and without an index of its own.
  const block = Buffer.concat([
    Buffer.from([0x82, 0x86]),
    literal(4, path),
    literal(1, 'localhost'),
  ])
  const endsStreamAndHeaders = 0x5
  return frame(1, endsStreamAndHeaders, stream, block)
}

/** What a client says that begins no more streams. */
export function http2Goaway(): Buffer {
  return frame(goaway, 0, 0, Buffer.alloc(8)) // no stream of the server's, no error
}

/** The complete frames of what a server has sent. */
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
