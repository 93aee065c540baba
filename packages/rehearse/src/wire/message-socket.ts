import WebSocket from 'ws'
import type { ConnectionEnd, ConnectionTrace } from '../record/connection-log.js'
import { pidIn, type Reply, type Target, unopened } from './call.js'
import { lookupFor } from './dial.js'
import { TimeLimit } from './time-limit.js'

interface Message {
  id: string
  text: string
  limit: TimeLimit
  resolve: (reply: Reply) => void
}

interface Watcher {
  /** Called with a message that nobody had asked for. */
  onUnasked: (detail: string) => void
}

const idLength = 12

/** A WebSocket on which every message is echoed, in the order of sending. */
export class MessageSocket {
  readonly #target: Target
  readonly #trace: ConnectionTrace
  readonly #watcher: Watcher
  readonly #socket: WebSocket
  /** Messages without an echo, the oldest first. */
  readonly #waiting: Message[] = []
  /** Messages whose echo was overtaken, or has not come in time: theirs may still come. */
  readonly #overdue = new Set<string>()
  #lastEchoed = 0
  #count = 0
  #pid: number | undefined
  #isOpen = false
  #isOver = false
  #error: NodeJS.ErrnoException | undefined

  constructor(target: Target, path: string, trace: ConnectionTrace, watcher: Watcher) {
    this.#target = target
    this.#trace = trace
    this.#watcher = watcher
    const url = `${target.isTls ? 'wss' : 'ws'}://${target.authority}${path}`
    const lookup = lookupFor(target.host)
    this.#socket = new WebSocket(url, {
      ...(lookup && { lookup }),
      rejectUnauthorized: false,
      perMessageDeflate: false,
      handshakeTimeout: target.timeoutMs,
    })
    this.#socket.on('upgrade', ({ headers }) => {
      const value = headers[target.pidHeader]
      this.#pid = pidIn(Array.isArray(value) ? value[0] : value)
    })
    this.#socket.on('open', () => {
      this.#isOpen = true
      trace.opened()
      for (const { text } of this.#waiting) this.#socket.send(text)
    })
    this.#socket.on('message', (data: Buffer) => this.#arrived(data.toString('latin1')))
    this.#socket.on('error', (error) => (this.#error ??= error))
    this.#socket.on('close', (code) => this.#closed(code))
  }

  get isUsable(): boolean {
    return !this.#isOver && this.#socket.readyState <= WebSocket.OPEN
  }

  /** Sends a message of the given content, and never repeats it; never rejects. */
  send(content: string): Promise<Reply> {
    return new Promise((resolve) => {
      const id = String(++this.#count).padStart(idLength, '0')
      const text = id + content
      const { timeoutMs } = this.#target
      const limit = new TimeLimit(timeoutMs, () => {
        this.#overdue.add(id)
        this.#settle(id, { outcome: 'timed-out', detail: `no echo after ${timeoutMs} ms` })
      })
      this.#waiting.push({ id, text, limit, resolve })
      if (this.#isOpen) this.#socket.send(text)
    })
  }

  close(): void {
    this.#end('by-client')
    this.#socket.close()
    // Unreferenced: only for a server that does not close its side.
    setTimeout(() => this.#socket.terminate(), 1_000).unref()
  }

  #arrived(text: string): void {
    if (this.#isOver) return
    const id = text.slice(0, idLength)
    const message = this.#waiting.find((waiting) => waiting.id === id)
    if (message) {
      const isLate = Number(id) < this.#lastEchoed
      this.#lastEchoed = Math.max(this.#lastEchoed, Number(id))
      if (message.text !== text) {
        const detail = `sent ${message.text.length} bytes, got ${text.length}`
        this.#settle(id, { outcome: 'wrong-body', detail })
      } else if (isLate) {
        this.#settle(id, { outcome: 'out-of-order', detail: 'after the echo of a later message' })
      } else {
        this.#settle(id, { outcome: 'answered', detail: '', pid: this.#pid })
      }
      return
    }
    if (this.#overdue.delete(id)) return
    const [oldest] = this.#waiting
    // The part that names the message is garbled: then it is the one whose turn it was.
    if (oldest && !this.#isKnown(id)) {
      this.#settle(oldest.id, { outcome: 'wrong-body', detail: 'it is not what was sent' })
    } else {
      this.#watcher.onUnasked(JSON.stringify(text.slice(0, 40)))
    }
  }

  #isKnown(id: string): boolean {
    return /^\d+$/.test(id) && id.length === idLength && Number(id) <= this.#count
  }

  #closed(code: number): void {
    const hasFrame = code !== 1_006
    const why = hasFrame ? `closed with ${code}` : 'the connection ended'
    const verdict = this.#isOpen
      ? { outcome: 'reset' as const, detail: this.#error?.code ?? why }
      : unopened(this.#error ?? new Error(why))
    const isBusy = this.#waiting.length > 0
    for (const { id } of [...this.#waiting]) this.#settle(id, verdict)
    if (!this.#isOpen) this.#end('not-opened')
    else if (hasFrame) this.#end('announced')
    else this.#end(isBusy ? 'in-request' : 'while-idle')
  }

  #settle(id: string, reply: Reply): void {
    const at = this.#waiting.findIndex((waiting) => waiting.id === id)
    const [message] = at === -1 ? [] : this.#waiting.splice(at, 1)
    message?.limit.clear()
    message?.resolve(reply)
  }

  #end(how: ConnectionEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    queueMicrotask(() => this.#trace.ended(how))
    for (const { id } of [...this.#waiting]) {
      this.#settle(id, { outcome: 'reset', detail: 'closed by the rehearsal' })
    }
  }
}
