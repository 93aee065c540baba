// A minimal parser of HTTP/1 responses.

export interface RawResponse {
  status: number
  /** Names are in lower case; of a repeated header the last value counts. */
  headers: Record<string, string>
  body: string
}

/**
 * Splits off the complete HTTP/1 responses at the beginning of `bytes`. Understands chunked bodies and
 * bodies with Content-Length, but no bodies that last until the connection ends, and no responses to HEAD.
 */
export function parseResponses(bytes: Buffer): { responses: RawResponse[]; rest: Buffer } {
  const responses: RawResponse[] = []
  let rest = bytes
  for (;;) {
    const parsed = parseOne(rest)
    if (!parsed) return { responses, rest }
    responses.push(parsed.response)
    rest = parsed.rest
  }
}

function parseOne(bytes: Buffer): { response: RawResponse; rest: Buffer } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const status = Number(statusLine.split(' ')[1])
  const content = bytes.subarray(headEnd + 4)
  const body = parseBody(status, headers, content)
  return body && { response: { status, headers, body: body.text }, rest: body.rest }
}

function parseBody(
  status: number,
  headers: Record<string, string>,
  content: Buffer,
): { text: string; rest: Buffer } | undefined {
  if (headers['transfer-encoding'] === 'chunked') return parseChunks(content)
  const bodyless = status < 200 || status === 204 || status === 304
  const length = bodyless ? 0 : Number(headers['content-length'] ?? 0)
  if (content.length < length) return undefined
  return { text: content.toString('utf8', 0, length), rest: content.subarray(length) }
}

function parseChunks(content: Buffer): { text: string; rest: Buffer } | undefined {
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = content.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(content.toString('latin1', at, lineEnd), 16)
    const from = lineEnd + 2
    at = from + size + 2
    if (content.length < at) return undefined
    if (size === 0) return { text: Buffer.concat(chunks).toString(), rest: content.subarray(at) }
    chunks.push(content.subarray(from, from + size))
  }
}
