import type net from 'node:net'
import { EndlessError, messageOf } from '../api/endless-error.js'
import { HandleLost } from '../line/handle-lost.js'
import { parserOf, type RawHandle, rawHandleOf, stopReading } from '../node/internals.js'
import { shadow } from '../node/shadow.js'
import { deferred } from '../node/waits.js'

// The predecessor's half of moving what has left HTTP; adopt-upgrade.ts is the other.

/** How many move at once: Node's queue of handles becomes slow when it is long. */
const widestWindow = 32
const maxStateBytes = 1024 * 1024

/**
 * Gives connections that have left HTTP to the successor, when the application says so: it alone knows
 * what its peer and it have agreed on. Nothing is read from one that waits or is on its way.
 */
export class UpgradeMigration {
  readonly #send: (message: MovedUpgrade, handle: RawHandle) => Promise<void>
  readonly #moves = new Map<net.Socket, Promise<boolean>>()
  readonly #answers = new Map<number, (isAdopted: boolean) => void>()
  readonly #closed = deferred()
  #turns: (() => void)[] = []
  #lastId = 0
  #isClosed = false

  constructor(send: (message: MovedUpgrade, handle: RawHandle) => Promise<void>) {
    this.#send = send
  }

  /** Moves a connection; answers whether the successor has it. If not, it is here as before. */
  migrate(socket: net.Socket, bound: string, state: string): Promise<boolean> {
    const underWay = this.#moves.get(socket)
    if (underWay) return underWay
    const move = this.#move(socket, bound, state).finally(() => this.#moves.delete(socket))
    this.#moves.set(socket, move)
    return move
  }

  answered(id: number, isAdopted: boolean): void {
    this.#answers.get(id)?.(isAdopted)
  }

  /** Sends nothing more; what is on its way is still answered. */
  close(): void {
    this.#isClosed = true
    this.#closed.resolve()
  }

  /** The successor is gone: what it has not acknowledged stays here. */
  abort(): void {
    this.close()
    for (const answer of this.#answers.values()) answer(false)
  }

  async #move(socket: net.Socket, bound: string, state: string): Promise<boolean> {
    const handle = rawHandleOf(socket)
    if (this.#isClosed || !handle || !isMovable(socket)) return false
    const startReading = stopReading(handle)
    const isFlowing = socket.readableFlowing === true
    if (isFlowing) socket.pause()
    // At once: the application's own `resume()` would let it hear what its state does not tell of.
    const head = takeBuffered(socket)
    const timeoutMs = socket.timeout ?? 0
    socket.setTimeout(0)
    if (await this.#pass(socket, handle, { bound, state, head: head.toString('base64') })) {
      // Ours is a copy: the connection lives on.
      socket.destroy()
      return true
    }
    if (!socket.destroyed) {
      if (head.length > 0) socket.unshift(head)
      socket.setTimeout(timeoutMs)
      startReading()
      if (isFlowing) socket.resume()
    }
    return false
  }

  async #pass(
    socket: net.Socket,
    handle: RawHandle,
    facts: Omit<MovedUpgrade, 'type' | 'id'>,
  ): Promise<boolean> {
    while (!this.#isClosed && isMovable(socket)) {
      if (socket.writableLength === 0 && this.#answers.size < widestWindow) {
        return this.#sendAndWait(socket, handle, facts)
      }
      await Promise.race([
        socket.writableLength > 0 ? flushed(socket) : this.#turn(),
        this.#closed.promise,
      ])
    }
    // Its turn is another's.
    this.#turns.shift()?.()
    return false
  }

  async #sendAndWait(
    socket: net.Socket,
    handle: RawHandle,
    facts: Omit<MovedUpgrade, 'type' | 'id'>,
  ): Promise<boolean> {
    const id = ++this.#lastId
    const isAdopted = await new Promise<boolean>((resolve) => {
      this.#answers.set(id, resolve)
      this.#send({ type: 'upgrade', id, ...facts }, handle).catch((error: unknown) => {
        // Closed before it was sent, by the hammer or by the application. A successor that is gone
        // makes sending fail too, and is dealt with where its end is noticed.
        if (socket.destroyed || error instanceof HandleLost) resolve(false)
      })
    })
    this.#answers.delete(id)
    this.#turns.shift()?.()
    return isAdopted
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#turns.push(resolve))
  }
}

/**
 * Gives the state of a connection as it is sent.
 *
 * @throws `ERR_ENDLESS_INVALID_STATE` if it is no JSON value, or larger than 1 MiB
 */
export function stateText(state: unknown): string {
  let text: unknown
  try {
    text = JSON.stringify(state)
  } catch (cause) {
    throw new EndlessError(
      'ERR_ENDLESS_INVALID_STATE',
      `Cannot migrate: the state is no JSON value: ${messageOf(cause)}.`,
      { cause },
    )
  }
  if (typeof text !== 'string') return 'null'
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxStateBytes) return text
  throw new EndlessError(
    'ERR_ENDLESS_INVALID_STATE',
    `Cannot migrate: the state is ${String(bytes)} bytes of JSON, and ${String(maxStateBytes)} are ` +
      'the most. Keep it where both processes find it, and pass its key.',
  )
}

/** Whether a connection is plain TCP that nobody parses, and open in both directions. */
function isMovable(socket: net.Socket): boolean {
  return (
    !socket.destroyed &&
    socket.readable &&
    socket.writable &&
    parserOf(socket) === undefined &&
    // Half a character would be lost in the decoder.
    socket.readableEncoding === null
  )
}

/** Settles when everything that was written has left, or never will. */
function flushed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.write('', () => {
      resolve()
    })
  })
}

/** Takes what was read from a connection and nobody has seen, past the listeners to 'data'. */
function takeBuffered(socket: net.Socket): Buffer {
  if (socket.readableLength === 0) return Buffer.alloc(0)
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean
  const restore = shadow(
    socket,
    'emit',
    (event: string | symbol, ...args: unknown[]) => event === 'data' || emit(event, ...args),
  )
  try {
    return socket.read() as Buffer
  } finally {
    restore()
  }
}

/**
 * A connection that has left HTTP, with its handle: `upgrade-adopted` or `upgrade-declined` answers.
 * `{ type: 'upgrade', id: 1, bound: '127.0.0.1:80', state: '{"name":"Ada"}', head: 'gQA=' }`
 */
export interface MovedUpgrade {
  type: 'upgrade'
  id: number
  /** Where its server is bound, and the server that adopts it. */
  bound: string
  /** What the application knows of it, in JSON. */
  state: string
  /** What was read from it and nobody has seen, in base64. */
  head: string
}
