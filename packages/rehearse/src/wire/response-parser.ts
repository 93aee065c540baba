// Reads HTTP/1 responses as they arrive, strictly: what is no response is never taken for one.

const maxHeadBytes = 65_536
const maxBodyBytes = 67_108_864
const empty: Buffer = Buffer.alloc(0)

/** A complete response; names of headers are in lower case, and of a repeated header the last value counts. */
export interface Response {
  status: number
  headers: ReadonlyMap<string, string>
  body: Buffer
  /** Whether the server keeps the connection. */
  isKept: boolean
}

interface Head {
  status: number
  headers: Map<string, string>
  isKept: boolean
}

type Framing = { by: 'length'; leftBytes: number } | { by: 'chunks' } | { by: 'end' }

/** Bytes that are no response; the message says why. */
class Malformed extends Error {}

/** What one `push` found: nothing complete, a response and the bytes after it, or what is wrong. */
export type Parsed =
  | { is: 'incomplete' }
  | { is: 'complete'; response: Response; rest: Buffer }
  | { is: 'malformed'; why: string }

/** Parses one response at a time. */
export class ResponseParser {
  #rest = empty
  #head: Head | undefined
  #framing: Framing | undefined
  #body: Buffer[] = []
  #bodyBytes = 0
  #chunk: { leftBytes: number } | 'size' | 'trailers' = 'size'
  #isBegun = false

  /** Whether any byte of a response has arrived. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** Takes the bytes that have arrived. */
  push(bytes: Buffer): Parsed {
    if (bytes.length > 0) this.#isBegun = true
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    try {
      while (!this.#framing) {
        if (!this.#readHead()) return { is: 'incomplete' }
      }
      return this.#readBody(this.#framing) ? this.#complete() : { is: 'incomplete' }
    } catch (error) {
      if (error instanceof Malformed) return { is: 'malformed', why: error.message }
      throw error
    }
  }

  /** Takes the end of the connection: the end of the response, too, where nothing else marks that. */
  end(): Parsed {
    return this.#framing?.by === 'end' ? this.#complete() : { is: 'incomplete' }
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end === -1) {
      if (this.#rest.length > maxHeadBytes)
        throw new Malformed('the head of a response is too long')
      // A server that sends anything else is told at once, and not at the time limit.
      const start = this.#rest.toString('latin1', 0, 7)
      if (!'HTTP/1.'.startsWith(start)) throw new Malformed(`a response began with ${quote(start)}`)
      return false
    }
    const head = parseHead(this.#rest.toString('latin1', 0, end))
    this.#rest = this.#rest.subarray(end + 4)
    // An interim response, such as 103 Early Hints: the real one follows.
    if (head.status >= 100 && head.status < 200 && head.status !== 101) return true
    this.#head = head
    this.#framing = framingOf(head)
    return true
  }

  #readBody(framing: Framing): boolean {
    switch (framing.by) {
      case 'length': {
        framing.leftBytes -= this.#take(framing.leftBytes)
        return framing.leftBytes === 0
      }
      case 'chunks':
        return this.#readChunks()
      case 'end':
        this.#take(Infinity)
        return false
    }
  }

  #readChunks(): boolean {
    for (;;) {
      if (typeof this.#chunk === 'object') {
        this.#chunk.leftBytes -= this.#take(this.#chunk.leftBytes)
        if (this.#chunk.leftBytes > 0 || this.#rest.length < 2) return false
        if (this.#line() !== '') throw new Malformed('a chunk is longer than it said')
        this.#chunk = 'size'
      }
      const line = this.#line()
      if (line === undefined) return false
      if (this.#chunk === 'trailers') {
        if (line === '') return true
        continue
      }
      const [, size] = /^([\da-f]{1,8}) *(?:;.*)?$/i.exec(line) ?? []
      if (size === undefined) throw new Malformed(`the size of a chunk is ${quote(line)}`)
      const leftBytes = Number.parseInt(size, 16)
      this.#chunk = leftBytes === 0 ? 'trailers' : { leftBytes }
    }
  }

  /** Moves up to `bytes` from what has arrived into the body; returns how many. */
  #take(bytes: number): number {
    const part = this.#rest.subarray(0, Math.min(bytes, this.#rest.length))
    this.#rest = this.#rest.subarray(part.length)
    this.#bodyBytes += part.length
    if (this.#bodyBytes > maxBodyBytes) throw new Malformed('the body of a response is too long')
    if (part.length > 0) this.#body.push(part)
    return part.length
  }

  #line(): string | undefined {
    const end = this.#rest.indexOf('\r\n')
    if (end === -1) {
      if (this.#rest.length > maxHeadBytes) throw new Malformed('a line of a chunk is too long')
      return undefined
    }
    const line = this.#rest.toString('latin1', 0, end)
    this.#rest = this.#rest.subarray(end + 2)
    return line
  }

  #complete(): Parsed {
    const { status = 0, headers = new Map<string, string>(), isKept = false } = this.#head ?? {}
    const body = this.#body.length === 1 ? (this.#body[0] ?? empty) : Buffer.concat(this.#body)
    const response = {
      status,
      headers,
      body,
      isKept: isKept && status !== 101 && this.#framing?.by !== 'end',
    }
    const rest = this.#rest
    this.#rest = empty
    this.#head = undefined
    this.#framing = undefined
    this.#body = []
    this.#bodyBytes = 0
    this.#chunk = 'size'
    this.#isBegun = false
    return { is: 'complete', response, rest }
  }
}

function parseHead(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n')
  const [, minor, code] = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: .*)?$/.exec(first) ?? []
  if (code === undefined) throw new Malformed(`the status line is ${quote(first)}`)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value = ''] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    if (name === undefined) throw new Malformed(`a header is ${quote(line)}`)
    headers.set(name.toLowerCase(), value)
  }
  const connection = headers.get('connection')?.toLowerCase() ?? ''
  const isKept = minor === '1' ? !connection.includes('close') : connection.includes('keep-alive')
  return { status: Number(code), headers, isKept }
}

/** How the end of a response to GET or POST is found (RFC 9112, section 6.3). */
function framingOf({ status, headers }: Head): Framing {
  if (status === 101 || status === 204 || status === 304) return { by: 'length', leftBytes: 0 }
  const coding = headers.get('transfer-encoding')
  if (coding !== undefined) {
    return /(?:^|,)\s*chunked$/i.test(coding) ? { by: 'chunks' } : { by: 'end' }
  }
  const length = headers.get('content-length')
  if (length === undefined) return { by: 'end' }
  if (!/^\d{1,15}$/.test(length)) throw new Malformed(`Content-Length is ${quote(length)}`)
  return { by: 'length', leftBytes: Number(length) }
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 40))
}
