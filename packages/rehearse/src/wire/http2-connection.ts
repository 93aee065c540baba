import http2 from 'node:http2'
import type { ConnectionEnd, ConnectionTrace } from '../record/connection-log.js'
import { type Call, judge, pidIn, type Reply, type Target, unopened, type Wire } from './call.js'
import { dial } from './dial.js'
import { TimeLimit } from './time-limit.js'

const { NGHTTP2_REFUSED_STREAM } = http2.constants

/** An HTTP/2 connection, which carries several requests at a time. */
export class Http2Connection implements Wire {
  readonly #target: Target
  readonly #trace: ConnectionTrace
  readonly #session: http2.ClientHttp2Session
  #isOpen = false
  #isOver = false
  #isAnnounced = false
  #busy = 0
  #error: Error | undefined
  #hasBrokenRequests = false
  /** The highest stream that the server said it had looked at, once it has said so. */
  #lastStream = Infinity

  constructor(target: Target, trace: ConnectionTrace) {
    this.#target = target
    this.#trace = trace
    const socket = dial(target, ['h2'], () => undefined)
    this.#session = http2.connect(`${target.isTls ? 'https' : 'http'}://${target.authority}`, {
      createConnection: () => socket,
    })
    socket.on('error', (error: Error) => (this.#error ??= error))
    this.#session.on('connect', () => {
      this.#isOpen = true
      trace.opened()
    })
    this.#session.on('goaway', (code: number, lastStream: number | undefined) => {
      this.#isAnnounced = true
      this.#lastStream = Math.min(this.#lastStream, lastStream ?? Infinity)
      if (code !== 0) this.#error ??= new Error(`GOAWAY with code ${code}`)
      // The server waits for the end of the streams, and then for that of the connection.
      if (this.#busy === 0) this.#end('announced')
    })
    this.#session.on('error', (error: Error) => (this.#error ??= error))
    this.#session.on('close', () => this.#end(this.#how()))
  }

  get isUsable(): boolean {
    return !this.#isOver && !this.#isAnnounced && !this.#session.closed && !this.#session.destroyed
  }

  send(call: Call): Promise<Reply> {
    const { method, path, body } = call
    const { timeoutMs, pidHeader } = this.#target
    this.#busy++
    return new Promise((resolve) => {
      let headers: http2.IncomingHttpHeaders | undefined
      let isOver = false
      const chunks: Buffer[] = []
      const limit = new TimeLimit(timeoutMs, () => {
        const stage = headers ? 'response incomplete' : 'no response'
        settle({ outcome: 'timed-out', detail: `${stage} after ${timeoutMs} ms` })
        stream.close(http2.constants.NGHTTP2_CANCEL)
      })
      const settle = (reply: Reply): void => {
        if (isOver) return
        isOver = true
        limit.clear()
        this.#busy--
        if (reply.outcome !== 'answered' && this.#session.destroyed) this.#hasBrokenRequests = true
        const value = headers?.[pidHeader]
        resolve({ ...reply, pid: pidIn(Array.isArray(value) ? value[0] : value) })
        if (this.#isAnnounced && this.#busy === 0) queueMicrotask(() => this.#end('announced'))
      }
      const stream = this.#session.request({
        ':method': method,
        ':path': path,
        ...(body ? { 'content-length': body.length } : {}),
      })
      stream.on('response', (received) => (headers = received))
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', () => undefined) // told at 'close'
      stream.on('close', () => {
        const { rstCode } = stream
        if (headers && rstCode === 0 && stream.readableEnded) {
          settle(judge(call, Number(headers[':status']), Buffer.concat(chunks)))
        } else if ((this.#error as NodeJS.ErrnoException | undefined)?.code === 'ERR_HTTP2_ERROR') {
          settle({ outcome: 'malformed', detail: this.#why(rstCode) })
        } else if (headers) settle({ outcome: 'cut', detail: this.#why(rstCode) })
        else if (!this.#isOpen) settle(unopened(this.#error ?? new Error('no connection')))
        else if (rstCode === NGHTTP2_REFUSED_STREAM || (stream.id ?? Infinity) > this.#lastStream) {
          settle({ outcome: 'turned-away', detail: this.#why(rstCode) })
        } else settle({ outcome: 'reset', detail: this.#why(rstCode) })
      })
      stream.end(body)
    })
  }

  async close(): Promise<void> {
    this.#end('by-client')
  }

  #why(rstCode: number | undefined): string {
    const { code } = (this.#error as NodeJS.ErrnoException | undefined) ?? {}
    return code ?? this.#error?.message ?? `stream closed with code ${rstCode ?? 0}`
  }

  #how(): ConnectionEnd {
    if (!this.#isOpen) return 'not-opened'
    if (this.#isAnnounced) return 'announced'
    return this.#busy > 0 || this.#hasBrokenRequests ? 'in-request' : 'while-idle'
  }

  #end(how: ConnectionEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    queueMicrotask(() => this.#trace.ended(how))
    this.#session.destroy()
  }
}
