import { once } from 'node:events'
import net from 'node:net'
import { setImmediate as tick, setTimeout as sleep } from 'node:timers/promises'
import { withDeadline } from '../program/until.js'
import { Random } from './random.js'
import { complaintAbout, createRequest, type TortureRequest } from './request.js'
import { parseResponses, type RawResponse } from './responses.js'

// One client of the torture: what it sends, and how it checks the responses.

const keptHistory = 40
const deadlineMs = 30_000

/** Counts of what the clients did and saw. Errors are not counted here: they are the failures. */
export interface TortureCounts {
  connections: number
  requests: number
  answered: number
  bytesSent: number
  /** Responses from another generation than the previous response on the same connection. */
  migrated: number
  /** Connections whose end the server announced unasked, with `Connection: close`. */
  announced: number
  /** Requests that were on their way when the server closed the connection. */
  unreadAfterClose: number
  pipelined: number
  aborted: number
  halfClosed: number
  /** Answered requests with `X-Count`, which only connections that never abort send. */
  counted: number
}

interface TortureConnectionSettings {
  counts: TortureCounts
  mayClose: boolean
  isStopping: () => boolean
}

/** Runs one connection until it ends: does everything that HTTP/1.1 allows, at bad moments. */
export class TortureConnection {
  readonly #name: string
  readonly #random: Random
  readonly #counts: TortureCounts
  readonly #mayClose: boolean
  readonly #isStopping: () => boolean
  readonly #history: string[] = []
  readonly #outstanding: TortureRequest[] = []
  readonly #startedMs = performance.now()
  /** Without aborts, client and server count the same requests. */
  readonly #mayAbort: boolean
  #socket!: net.Socket
  #received: Buffer = Buffer.alloc(0)
  #requests = 0
  #generation: string | undefined
  #end: 'none' | 'announced' | 'ours' = 'none'
  #isClosed = false
  #failure: string | undefined
  #wake: (() => void) | undefined

  constructor(
    name: string,
    seed: number,
    { counts, mayClose, isStopping }: TortureConnectionSettings,
  ) {
    this.#name = name
    this.#random = new Random(seed)
    this.#counts = counts
    this.#mayClose = mayClose
    this.#isStopping = isStopping
    this.#mayAbort = this.#random.chance(0.15)
  }

  /** Resolves when the connection has ended: with a failure and its history, or with undefined. */
  async live(port: number): Promise<string | undefined> {
    try {
      await this.#connect(port)
      const rounds = this.#random.integer(1, 200)
      for (let round = 0; round < rounds && this.#isOpen() && !this.#isStopping(); round++) {
        await this.#think()
        if (this.#isOpen()) await this.#exchange()
      }
      if (this.#isOpen()) await this.#leave()
      await this.#waitFor(() => this.#isClosed, 'the end of the connection')
    } catch (error) {
      this.#fail((error as Error).message)
    }
    this.#socket.destroy()
    if (this.#failure === undefined) return undefined
    return [`${this.#name}: ${this.#failure}`, ...this.#history].join('\n    ')
  }

  /** Whether neither side has begun to end the connection. */
  #isOpen(): boolean {
    return this.#end === 'none' && !this.#isClosed && this.#failure === undefined
  }

  async #connect(port: number): Promise<void> {
    // allowHalfOpen: the client may send its FIN and still read.
    this.#socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    await withDeadline(once(this.#socket, 'connect'), { step: 'connects', deadlineMs })
    this.#counts.connections++
    this.#note('connected')
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.#socket.on('end', () => {
      this.#note('<- FIN')
      this.#ended('FIN')
      this.#socket.end()
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#note(`error ${error.code ?? error.message}`)
      this.#ended(error.code ?? error.message)
    })
    this.#socket.on('close', () => {
      this.#isClosed = true
      this.#wake?.()
    })
  }

  async #think(): Promise<void> {
    const dice = this.#random.next()
    if (dice < 0.3) return
    if (dice < 0.4) await tick()
    else if (dice < 0.5) await sleep(this.#random.integer(1, 2))
    else if (dice < 0.7) await sleep(this.#random.integer(2, 30))
    else await sleep(this.#random.integer(30, 500))
  }

  /** Sends one request, or several pipelined, and waits for all responses. */
  async #exchange(): Promise<void> {
    const count = this.#random.chance(0.2) ? this.#random.integer(2, 5) : 1
    if (count > 1) this.#counts.pipelined += count
    const requests = Array.from({ length: count }, () => this.#create())
    if (this.#random.chance(0.3)) {
      await this.#write(Buffer.concat(requests.flatMap(({ head, body }) => [head, body])), requests)
    } else {
      for (const request of requests) await this.#writeInParts(request)
    }
    if (this.#mayAbort && this.#random.chance(0.2)) this.#abort()
    await this.#answers()
  }

  async #leave(): Promise<void> {
    const dice = this.#random.next()
    if (dice < 0.3) {
      await this.#write(...this.#last(true))
      if (this.#isOpen()) this.#end = 'ours'
      await this.#answers()
    } else if (dice < 0.7) {
      const [bytes, requests] = this.#last(false)
      await this.#write(bytes, requests)
      if (this.#isOpen()) this.#finish()
      await this.#answers()
    } else {
      this.#finish()
    }
  }

  #last(close: boolean): [Buffer, TortureRequest[]] {
    const request = this.#create(close)
    return [Buffer.concat([request.head, request.body]), [request]]
  }

  #create(close = false): TortureRequest {
    const id = `${this.#name}-${++this.#requests}`
    return createRequest(this.#random, id, { close, counted: !this.#mayAbort })
  }

  async #writeInParts(request: TortureRequest): Promise<void> {
    const { head, body } = request
    if (this.#random.chance(0.15)) {
      this.#note(`-> ${request.kind} ${request.id}, the head byte by byte`)
      for (let at = 0; at < head.length; at++) {
        await this.#write(head.subarray(at, at + 1), at === 0 ? [request] : [])
        await tick()
      }
    } else {
      const cut = this.#random.integer(1, head.length)
      await this.#write(head.subarray(0, cut), [request])
      if (cut < head.length) {
        await this.#pause()
        await this.#write(head.subarray(cut))
      }
    }
    // After an early response the connection looks idle to code that does not ask the parser.
    if (request.kind === 'early' && this.#random.chance(0.5)) await this.#answers()
    for (let at = 0; at < body.length;) {
      const part = body.subarray(at, at + this.#random.integer(1, body.length))
      await this.#write(part)
      at += part.length
      if (at < body.length) await this.#pause()
    }
  }

  async #pause(): Promise<void> {
    if (this.#mayAbort && this.#random.chance(0.05)) this.#abort()
    const dice = this.#random.next()
    if (dice < 0.5) await tick()
    else if (dice < 0.95) await sleep(this.#random.integer(1, 5))
    else await sleep(this.#random.integer(5, 200))
  }

  /** Writes bytes; `requests` are the requests whose first byte is among them. */
  async #write(bytes: Buffer, requests: TortureRequest[] = []): Promise<void> {
    // Once either side is ending, nothing more is sent; a request that was begun stays outstanding.
    if (!this.#isOpen()) return
    this.#outstanding.push(...requests)
    this.#counts.requests += requests.length
    const names = requests.map(({ kind, id }) => ` ${kind} ${id}`).join('')
    if (bytes.length > 1) this.#note(`->${names} ${bytes.length} bytes`)
    this.#counts.bytesSent += bytes.length
    if (bytes.length > 0 && !this.#socket.write(bytes)) {
      await this.#waitFor(
        () => !this.#socket.writableNeedDrain || !this.#isOpen(),
        'the bytes leave',
      )
    }
  }

  #finish(): void {
    this.#counts.halfClosed++
    this.#note('-> FIN')
    this.#end = 'ours'
    this.#socket.end()
  }

  #abort(): void {
    if (!this.#isOpen()) return
    this.#counts.aborted++
    this.#note('-> RST')
    this.#end = 'ours'
    this.#outstanding.length = 0
    this.#socket.resetAndDestroy()
  }

  async #answers(): Promise<void> {
    await this.#waitFor(
      () => this.#outstanding.length === 0 || this.#isClosed || this.#failure !== undefined,
      'answers',
    )
  }

  #receive(chunk: Buffer): void {
    const { responses, rest } = parseResponses(Buffer.concat([this.#received, chunk]))
    this.#received = rest
    for (const response of responses) this.#answered(response)
    this.#wake?.()
  }

  #answered(response: RawResponse): void {
    const request = this.#outstanding.shift()
    const generation = response.headers['x-generation']
    this.#note(
      `<- ${response.status} ${response.headers['x-id'] ?? ''} by generation ${generation}`,
    )
    const complaint = complaintAbout(response, request)
    if (complaint) {
      this.#fail(complaint)
      return
    }
    this.#counts.answered++
    if (!this.#mayAbort) this.#counts.counted++
    if (this.#generation !== undefined && this.#generation !== generation) {
      this.#counts.migrated++
    }
    this.#generation = generation
    if (response.headers['connection']?.toLowerCase() === 'close' && this.#end === 'none') {
      this.#counts.announced++
      this.#end = 'announced'
      if (!this.#mayClose) this.#fail('Connection: close, unasked')
    }
  }

  /** Checks whether the server was allowed to end the connection, by a FIN or an error. */
  #ended(how: string): void {
    // A server that announced `Connection: close` and closed answers later bytes with a reset. The reset can
    // overtake that response (RFC 9112, section 9.6): a client that pipelines takes this risk.
    const wasOvertaken = this.#mayClose && how !== 'FIN' && this.#outstanding.length > 1
    if (this.#end === 'announced' || wasOvertaken) {
      this.#counts.unreadAfterClose += this.#outstanding.length
    } else if (this.#end === 'none' || this.#outstanding.length > 0) {
      this.#fail(`${how}, unexpected: ${this.#outstanding.length} requests without an answer`)
    }
    if (this.#received.length > 0 && !wasOvertaken) this.#fail(`${how} within a response`)
    this.#outstanding.length = 0
    this.#wake?.()
  }

  #fail(what: string): void {
    this.#failure ??= what
    this.#wake?.()
  }

  async #waitFor(check: () => boolean, step: string): Promise<void> {
    if (check()) return
    const drained = () => this.#wake?.()
    this.#socket.on('drain', drained)
    try {
      await withDeadline(
        new Promise<void>((resolve) => {
          this.#wake = () => {
            if (check()) resolve()
          }
        }),
        { step, deadlineMs },
      )
    } finally {
      this.#wake = undefined
      this.#socket.off('drain', drained)
    }
  }

  #note(text: string): void {
    this.#history.push(`${(performance.now() - this.#startedMs).toFixed(1)} ms ${text}`)
    if (this.#history.length > keptHistory) this.#history.shift()
  }
}
