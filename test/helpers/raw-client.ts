import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import {
  parseResponses,
  type RawResponse,
  until,
  type WaitOptions,
  withDeadline,
} from '@endless/load'

// A client below HTTP: bytes, FIN and RST.

export type RawTarget = number | string

export interface RawOptions {
  /** Uses TLS. Without `ca`, the certificate is not checked. */
  tls?: boolean | tls.ConnectionOptions
  allowHalfOpen?: boolean
  /** @default '127.0.0.1' */
  host?: string
  /** @default 5_000 */
  deadlineMs?: number
}

/** Connects to a port, by default on loopback, or to the path of a Unix socket. */
export async function connectRaw(
  target: RawTarget,
  {
    tls: secure = false,
    allowHalfOpen = false,
    host = '127.0.0.1',
    deadlineMs = 5_000,
  }: RawOptions = {},
): Promise<RawClient> {
  const address = typeof target === 'number' ? { port: target, host } : { path: target }
  const given = typeof secure === 'object' ? secure : {}
  const tcp = (given.socket as net.Socket | undefined) ?? net.connect({ ...address, allowHalfOpen })
  const socket = secure
    ? tls.connect({ rejectUnauthorized: given.ca !== undefined, ...given, socket: tcp })
    : tcp
  const connected = once(socket, secure ? 'secureConnect' : 'connect')
  await withDeadline(connected, { step: `connects to ${target}`, deadlineMs })
  return new RawClient(socket, tcp)
}

/** A client that writes exactly the given bytes, and sees exactly how the connection ends. */
export class RawClient {
  readonly socket: net.Socket
  readonly localPort: number
  /** How the server ended the connection: by a FIN or an error such as a reset; undefined until then. */
  endedBy: 'fin' | NodeJS.ErrnoException | undefined
  readonly #tcp: net.Socket
  #chunks: Buffer[] = []

  constructor(socket: net.Socket, tcp: net.Socket) {
    this.socket = socket
    this.localPort = tcp.localPort ?? 0
    this.#tcp = tcp
    // Over TLS, `socket` emits the error too; without a listener here it would be uncaught.
    if (tcp !== socket) tcp.on('error', () => undefined)
    socket.on('data', (chunk) => this.#chunks.push(chunk))
    socket.on('end', () => (this.endedBy ??= 'fin'))
    socket.on('error', (error) => (this.endedBy = error))
  }

  /** The TLS socket of the client. @throws Error if the connection is not over TLS */
  get tlsSocket(): tls.TLSSocket {
    if (this.socket instanceof tls.TLSSocket) return this.socket
    throw new Error('the connection is not over TLS')
  }

  /** All bytes received so far. */
  get received(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }

  /** All complete responses received so far. */
  get responses(): RawResponse[] {
    return parseResponses(this.received).responses
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Writes a complete GET request, or `count` of them at once. */
  request(path = '/', { count = 1, headers = '' } = {}): void {
    this.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`.repeat(count))
  }

  /** Resolves when `count` responses have arrived since the connection began; rejects if it ends earlier. */
  async waitForResponses(count: number, wait: Partial<WaitOptions> = {}): Promise<RawResponse[]> {
    const responses = await this.#wait(
      () => {
        const { responses } = this
        return responses.length >= count || this.endedBy ? responses : undefined
      },
      `${count} responses`,
      wait,
    )
    if (responses.length < count) throw new Error(`${count} responses: ${this.#state()}`)
    return responses
  }

  /** Resolves when the server has ended the connection. */
  waitForEnd(wait: Partial<WaitOptions> = {}): Promise<'fin' | NodeJS.ErrnoException> {
    return this.#wait(() => this.endedBy, 'the server ends the connection', wait)
  }

  /** Sends a FIN. */
  end(): void {
    this.socket.end()
  }

  /** Sends an RST. */
  reset(): void {
    this.#tcp.resetAndDestroy()
  }

  destroy(): void {
    this.socket.destroy()
  }

  #wait<T>(check: () => T | undefined, step: string, wait: Partial<WaitOptions>) {
    return until(check, {
      step,
      deadlineMs: 5_000,
      everyMs: 5,
      explain: () => this.#state(),
      ...wait,
    })
  }

  #state(): string {
    const ended =
      this.endedBy === undefined
        ? 'open'
        : this.endedBy === 'fin'
          ? 'ended with a FIN'
          : `ended with ${this.endedBy.code}`
    return `${this.responses.length} complete responses, connection ${ended}, received:\n${this.received.toString('latin1').slice(-2_000)}`
  }
}
