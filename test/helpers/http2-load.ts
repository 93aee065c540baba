import http2 from 'node:http2'

const refusedStream = http2.constants.NGHTTP2_REFUSED_STREAM

/**
 * Clients with one session each, which send requests in several parallel loops. As HTTP/2 intends, a client
 * opens a new session after a GOAWAY, and sends another request after a refused one, which was not
 * processed. Every other failure is a lost request.
 */
export class Http2Load {
  answered = 0
  refused = 0
  sessions = 0
  /** The failures of the requests that were neither answered nor refused. */
  readonly lost: string[] = []
  readonly #url: string
  readonly #clients: Promise<void>[]
  #isOver = false

  constructor(port: number, { tls = false, clients = 10, streams = 5 }) {
    this.#url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
    this.#clients = Array.from({ length: clients }, () => this.#runClient(streams))
  }

  /** Sends nothing new; resolves when the requests in flight have ended. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
  }

  async #runClient(streams: number): Promise<void> {
    let session: http2.ClientHttp2Session | undefined
    const current = () => {
      if (!session || session.closed || session.destroyed) session = this.#connect()
      return session
    }
    const send = async () => {
      while (!this.#isOver) await this.#request(current)
    }
    await Promise.all(Array.from({ length: streams }, send))
    // Not close(): a GOAWAY from a client can make Node 20 abort, even without endless.
    session?.destroy()
  }

  #connect(): http2.ClientHttp2Session {
    this.sessions++
    const session = http2.connect(this.#url, { rejectUnauthorized: false })
    session.on('error', () => undefined) // each stream reports it
    return session
  }

  async #request(current: () => http2.ClientHttp2Session): Promise<void> {
    const stream = current().request({ ':path': '/now' })
    let status: number | undefined
    let body = ''
    let failure: Error | undefined
    stream.on('response', (headers) => (status = headers[':status']))
    stream.setEncoding('utf8').on('data', (text: string) => (body += text))
    stream.on('error', (error: Error) => (failure = error))
    await new Promise<void>((resolve) => stream.once('close', () => resolve()))
    if (stream.rstCode === refusedStream) this.refused++
    else if (!failure && status === 200 && body === 'now undefined') this.answered++
    else this.lost.push(`${failure?.message ?? 'not whole'}, status ${status}, '${body}'`)
  }
}
