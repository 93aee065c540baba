import type { StreamEnd } from '../kernel/stream-end.js'

/** What a client needs of its surroundings. */
export interface ClientHost {
  /** Connects; calls back with the server's end, or with nothing if nobody listens. */
  connect(done: (end: StreamEnd | undefined) => void): void
  /** Lets something happen on the client's side. */
  at(atMs: number, run: () => void): void
  nowMs(): number
  /** How long bytes are on their way. */
  delayMs(): number
  thinkMs(): number
  /** Nobody listened. */
  refused(client: Client): void
  /** A request got no answer: its connection has ended. */
  lost(client: Client, end: StreamEnd): void
  /** A kept connection was closed, while the client sent nothing. */
  closed(client: Client, end: StreamEnd): void
}

const request = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
const lastRequest = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')

/** A client that repeats nothing. It sends one request after the other, over one connection as long as that lasts. */
export class Client {
  readonly name: string
  readonly #host: ClientHost
  readonly #isKept: boolean
  #end: StreamEnd | undefined
  #left: number
  #text = ''
  #isWaiting = false
  #isConnecting = false
  #isOver = false
  /** When what was sent last by the server arrives. */
  #arrivesMs = 0

  /** @param isKept whether it keeps its connection open; one that does not sends one request over each */
  constructor(name: string, isKept: boolean, requests: number, host: ClientHost) {
    this.name = name
    this.#isKept = isKept
    this.#left = requests
    this.#host = host
  }

  /** Whether an answer is missing. */
  get isWaiting(): boolean {
    return this.#isWaiting || this.#isConnecting
  }

  get end(): StreamEnd | undefined {
    return this.#end
  }

  begin(): void {
    this.#next()
  }

  /** Sends one more request, unless it waits for an answer. */
  askOnce(): void {
    if (this.isWaiting) return
    this.#left = 1
    this.#next()
  }

  /** Ends its connection. */
  close(): void {
    this.#isOver = true
    const end = this.#end
    this.#end = undefined
    end?.receiveEnd()
  }

  #next(): void {
    if (this.#isOver || this.#left === 0) return
    this.#left--
    if (this.#end) this.#send(this.#end)
    else this.#connect()
  }

  #connect(): void {
    this.#isConnecting = true
    this.#host.connect((end) => {
      this.#isConnecting = false
      if (!end) {
        this.#host.refused(this)
        this.#think()
        return
      }
      this.#end = end
      end.to = {
        bytes: (bytes) => {
          this.#later(end, () => {
            this.#receive(bytes)
          })
        },
        end: () => {
          this.#later(end, () => {
            this.#ended(end)
          })
        },
      }
      this.#send(end)
    })
  }

  #after(delayMs: number, run: () => void): void {
    this.#host.at(this.#host.nowMs() + delayMs, run)
  }

  /** Bytes and end arrive in order. */
  #later(end: StreamEnd, run: () => void): void {
    this.#arrivesMs = Math.max(this.#arrivesMs, this.#host.nowMs() + this.#host.delayMs())
    this.#host.at(this.#arrivesMs, () => {
      if (this.#end === end) run()
    })
  }

  #send(end: StreamEnd): void {
    this.#isWaiting = true
    this.#text = ''
    this.#after(this.#host.delayMs(), () => {
      if (!end.isClosed) end.receive(this.#isKept ? request : lastRequest)
    })
  }

  #receive(bytes: Buffer): void {
    this.#text += bytes.toString('latin1')
    const head = this.#text.indexOf('\r\n\r\n')
    if (head < 0) return
    const [, length = '0'] = /content-length: (\d+)/i.exec(this.#text) ?? []
    if (this.#text.length < head + 4 + Number(length)) return
    this.#isWaiting = false
    if (/connection: close/i.test(this.#text)) {
      const end = this.#end
      this.#end = undefined
      // The client closes, as it was told to.
      end?.receiveEnd()
    }
    this.#think()
  }

  #think(): void {
    this.#after(this.#host.thinkMs(), () => {
      this.#next()
    })
  }

  #ended(end: StreamEnd): void {
    this.#end = undefined
    end.receiveEnd()
    if (this.#isWaiting) {
      this.#isWaiting = false
      this.#host.lost(this, end)
      this.#think()
    } else {
      this.#host.closed(this, end)
    }
  }
}
