import { once } from 'node:events'
import http2 from 'node:http2'
import { withDeadline } from '@endless/load'

// An HTTP/2 client on Node's own implementation.

export interface Http2Response {
  status: number
  body: string
}

/** Opens a session; resolves when the server's settings have arrived. */
export async function connectHttp2(
  port: number,
  { tls = false, host = '127.0.0.1' }: { tls?: boolean; host?: string } = {},
): Promise<Http2Client> {
  const session = http2.connect(`${tls ? 'https' : 'http'}://localhost:${port}`, {
    host,
    rejectUnauthorized: false,
  })
  const client = new Http2Client(session)
  await withDeadline(once(session, 'remoteSettings'), {
    step: `a session with ${port}`,
    deadlineMs: 5_000,
  })
  return client
}

/** A client with one session that never retries. */
export class Http2Client {
  readonly session: http2.ClientHttp2Session
  /** The last stream that the server serves; undefined until it sends a GOAWAY. */
  lastStreamId: number | undefined
  readonly #closed: Promise<void>

  constructor(session: http2.ClientHttp2Session) {
    this.session = session
    this.#closed = new Promise((resolve) => session.once('close', () => resolve()))
    session.on('error', () => undefined) // 'close' and each stream report it
    session.on('goaway', (_code: number, lastStreamId: number) => {
      this.lastStreamId = lastStreamId
    })
  }

  /** Sends one request; rejects if the response does not arrive completely. */
  async get(path: string): Promise<Http2Response> {
    const stream = this.session.request({ ':path': path })
    let status = 0
    let body = ''
    stream.on('response', (headers) => (status = headers[':status'] ?? 0))
    stream.setEncoding('utf8').on('data', (text: string) => (body += text))
    await withDeadline(once(stream, 'end'), { step: `GET ${path} by HTTP/2`, deadlineMs: 10_000 })
    // A reset stream emits 'end' too.
    if (stream.rstCode !== 0 || status === 0) {
      throw new Error(`GET ${path}: reset with ${stream.rstCode}, status ${status}`)
    }
    return { status, body }
  }

  /** Resolves when the connection has ended. */
  waitForEnd(): Promise<void> {
    return withDeadline(this.#closed, { step: 'the session ends', deadlineMs: 10_000 })
  }
}
