import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionEnd, ConnectionTrace } from '../record/connection-log.js'
import { type Call, judge, pidIn, type Reply, type Target, unopened, type Wire } from './call.js'
import { dial } from './dial.js'
import { ResponseParser } from './response-parser.js'
import { TimeLimit } from './time-limit.js'

/** How long the server may take to end a connection that both sides want closed. */
const lingerMs = 500

interface Exchange {
  call: Call
  limit: TimeLimit
  resolve: (reply: Reply) => void
}

interface Watcher {
  /** Called with bytes that nobody had asked for. */
  onUnasked: (detail: string) => void
}

/**
 * An HTTP/1 connection that carries one request at a time.
 * See docs/decisions.md, "The load reads its sockets itself"
 */
export class Http1Connection implements Wire {
  readonly #target: Target
  readonly #isKept: boolean
  readonly #trace: ConnectionTrace
  readonly #watcher: Watcher
  readonly #parser = new ResponseParser()
  readonly #socket: Socket
  #isOpen = false
  #isOver = false
  #isAnnounced = false
  /** Whether the only response of a fresh connection is complete. */
  #isFinishing = false
  #exchange: Exchange | undefined
  #isOverNow!: () => void
  readonly #over = new Promise<void>((resolve) => (this.#isOverNow = resolve))
  #sendWhenOpen: (() => void) | undefined

  constructor(target: Target, isKept: boolean, trace: ConnectionTrace, watcher: Watcher) {
    this.#target = target
    this.#isKept = isKept
    this.#trace = trace
    this.#watcher = watcher
    this.#socket = dial(target, ['http/1.1'], () => {
      this.#isOpen = true
      trace.opened()
      this.#sendWhenOpen?.()
    })
    this.#socket.on('data', (bytes: Buffer) => this.#arrived(bytes))
    this.#socket.on('end', () => this.#ended(undefined))
    this.#socket.on('error', (error) => this.#ended(error))
    this.#socket.on('close', () => this.#ended(undefined))
  }

  get isUsable(): boolean {
    return !this.#isOver && !this.#isAnnounced
  }

  send(call: Call): Promise<Reply> {
    return new Promise((resolve) => {
      const { timeoutMs } = this.#target
      const limit = new TimeLimit(timeoutMs, () => this.#timedOut())
      this.#exchange = { call, limit, resolve }
      const write = (): void => void this.#socket.write(bytesOf(call, this.#target, this.#isKept))
      if (this.#isOpen) write()
      else this.#sendWhenOpen = write
    })
  }

  async close(): Promise<void> {
    // After `Connection: close` it is the server's turn to end, and what it sends until then belongs to nobody.
    if (this.#isFinishing)
      await Promise.race([this.#over, sleep(lingerMs, undefined, { ref: false })])
    this.#end('by-client')
  }

  #arrived(bytes: Buffer): void {
    if (this.#isOver) return
    const exchange = this.#exchange
    if (!exchange) {
      this.#gotUnasked(bytes)
      return
    }
    const parsed = this.#parser.push(bytes)
    if (parsed.is === 'incomplete') return
    if (parsed.is === 'malformed') {
      this.#settle({ outcome: 'malformed', detail: parsed.why })
      this.#end('given-up')
      return
    }
    const { response, rest } = parsed
    this.#isAnnounced = !response.isKept
    this.#settle({
      ...judge(exchange.call, response.status, response.body),
      pid: pidIn(response.headers.get(this.#target.pidHeader)),
      keepAliveMs: keepAliveIn(response.headers.get('keep-alive')),
    })
    if (rest.length > 0) this.#gotUnasked(rest)
    else if (!this.#isKept) this.#isFinishing = true
    else if (this.#isAnnounced) this.#end('announced')
  }

  #gotUnasked(bytes: Buffer): void {
    this.#watcher.onUnasked(JSON.stringify(bytes.toString('latin1', 0, 40)))
    // What follows cannot be told from an answer to the next request.
    this.#end('given-up')
  }

  #timedOut(): void {
    const stage = !this.#isOpen
      ? 'no connection'
      : this.#parser.isBegun
        ? 'response incomplete'
        : 'no response'
    this.#settle({ outcome: 'timed-out', detail: `${stage} after ${this.#target.timeoutMs} ms` })
    this.#end(this.#isOpen ? 'given-up' : 'not-opened')
  }

  #ended(error: NodeJS.ErrnoException | undefined): void {
    if (this.#isOver) return
    const exchange = this.#exchange
    if (!this.#isOpen) {
      this.#settle(unopened(error ?? new Error('the connection ended')))
      this.#end('not-opened')
      return
    }
    if (!exchange) {
      this.#end(this.#isFinishing ? 'by-client' : 'while-idle')
      return
    }
    const parsed = error ? undefined : this.#parser.end()
    if (parsed?.is === 'complete') {
      const { status, body, headers } = parsed.response
      const pid = pidIn(headers.get(this.#target.pidHeader))
      this.#settle({ ...judge(exchange.call, status, body), pid })
      this.#end('announced')
      return
    }
    const detail = error?.code ?? error?.message ?? 'the connection ended'
    this.#settle({ outcome: this.#parser.isBegun ? 'cut' : 'reset', detail })
    this.#end('in-request')
  }

  #settle(reply: Reply): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.limit.clear()
    exchange?.resolve(reply)
  }

  #end(how: ConnectionEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    // Before the trace ends: the answer says which process had the connection.
    queueMicrotask(() => this.#trace.ended(how))
    this.#isOverNow()
    this.#settle({ outcome: 'reset', detail: 'closed by the rehearsal' })
    this.#socket.destroy()
  }
}

function bytesOf(call: Call, target: Target, isKept: boolean): Buffer | string {
  const { method, path, body } = call
  const head =
    `${method} ${path} HTTP/1.1\r\nHost: ${target.authority}\r\nAccept: */*\r\n` +
    `User-Agent: endless-rehearse\r\nConnection: ${isKept ? 'keep-alive' : 'close'}\r\n`
  if (!body) return `${head}\r\n`
  const full = `${head}Content-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(full, 'latin1'), body])
}

function keepAliveIn(value: string | undefined): number | undefined {
  const [, seconds] = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value ?? '') ?? []
  return seconds === undefined ? undefined : Number(seconds) * 1_000
}
