import { parseResponses, type RawResponse, until } from '@endless/load'
import { connectRaw, type RawClient, type RawTarget } from './raw-client.js'

const deadlineMs = 15_000

export interface PipeliningOptions {
  tls?: boolean
  /** How many requests wait for their responses at any time. */
  outstanding?: number
  /** In place of `outstanding`: sends a request each time, however many wait. */
  everyMs?: number
  /** How long the handler takes for each. */
  takesMs?: number
}

/** Opens a connection to tells-of-its-connections.mjs that is never idle. */
export async function connectPipelining(
  target: RawTarget,
  { tls = false, ...options }: PipeliningOptions,
): Promise<Pipelining> {
  return new Pipelining(await connectRaw(target, { tls }), options)
}

let clients = 0

/**
 * A client that sends its next request before it has read the last response. It sends none after a response that
 * says `close`, and nothing twice.
 */
export class Pipelining {
  /** The names of its requests, in their order. */
  readonly sent: string[] = []
  readonly responses: RawResponse[] = []
  readonly #client: RawClient
  readonly #takesMs: number
  readonly #timer: NodeJS.Timeout | undefined
  readonly #id = ++clients
  #rest = Buffer.alloc(0)
  #isOver = false

  constructor(client: RawClient, { outstanding = 1, everyMs, takesMs = 25 }: PipeliningOptions) {
    this.#client = client
    this.#takesMs = takesMs
    client.socket.on('data', (chunk: Buffer) => {
      const { responses, rest } = parseResponses(Buffer.concat([this.#rest, chunk]))
      this.#rest = Buffer.from(rest)
      this.responses.push(...responses)
      if (responses.some(({ headers }) => headers['connection'] === 'close')) this.stop()
      if (everyMs === undefined) responses.forEach(() => this.#send())
    })
    client.socket.on('close', () => this.stop())
    if (everyMs !== undefined) this.#timer = setInterval(() => this.#send(), everyMs)
    // Spread, and so are the responses: if they came all at once, nothing would be outstanding for a moment.
    else
      for (let count = 0; count < outstanding; count++)
        setTimeout(() => this.#send(), (count * takesMs) / outstanding)
  }

  /** The names of the requests that were answered, in the order of the responses. */
  get answered(): string[] {
    return this.responses.map(({ headers }) => headers['x-name'] ?? '')
  }

  /** Whether the last response has said that the connection closes, and none before. */
  get wasTold(): boolean {
    const said = this.responses.map(({ headers }) => headers['connection'] === 'close')
    return said.indexOf(true) === said.length - 1
  }

  get endedBy(): RawClient['endedBy'] {
    return this.#client.endedBy
  }

  /** Sends nothing more. */
  stop(): void {
    clearInterval(this.#timer)
    this.#isOver = true
  }

  /** Resolves when a response has come that fits; rejects if the connection ends before. */
  async waitForResponse(fits: (response: RawResponse) => boolean, step: string): Promise<void> {
    await until(() => this.responses.some(fits) || this.endedBy, { step, deadlineMs })
    if (!this.responses.some(fits)) throw new Error(`${step}: ended by ${String(this.endedBy)}`)
  }

  /** Resolves when everything that was sent has been answered. */
  async waitForRest(): Promise<void> {
    const isAnswered = () => this.responses.length === this.sent.length
    await until(() => isAnswered() || this.endedBy, { step: 'all is answered', deadlineMs })
    if (!isAnswered()) throw new Error(`all is answered: ended by ${String(this.endedBy)}`)
  }

  waitForEnd(): Promise<NonNullable<RawClient['endedBy']>> {
    return this.#client.waitForEnd({ deadlineMs })
  }

  #send(): void {
    if (this.#isOver) return
    const name = `${this.#id}-${this.sent.length}`
    this.sent.push(name)
    this.#client.request(`/paced/${name}?ms=${this.#takesMs}`)
  }
}
