import type net from 'node:net'
import { EndlessError, messageOf } from '../api/endless-error.js'
import { isPeerGone } from '../line/peer-gone.js'
import {
  isSendable,
  onDestroy,
  rawHandleOf,
  stopReading,
} from '../node/internals/connection-handle.js'
import { parserOf } from '../node/internals/http1-connection.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import { shadow } from '../node/shadow.js'
import { deferred } from '../node/waits.js'

// The predecessor's half of moving connections that have left HTTP; adopt-upgrade.ts is the other.

/** How many connections move at once: a long queue of handles is slow in Node. */
const widestWindow = 32
const maxStateBytes = 1024 * 1024

/**
 * Moves connections that have left HTTP to the successor, when the application asks for it. Nothing is
 * read from a connection that waits or is on its way.
 *
 * See docs/decisions.md, "The application moves what has left HTTP"
 */
export class UpgradeMigration {
  readonly #send: (message: MovedUpgrade, handle: RawHandle) => Promise<void>
  readonly #moves = new Map<net.Socket, Promise<boolean>>()
  readonly #answers = new Map<number, (isAdopted: boolean) => void>()
  readonly #closed = deferred()
  /** Ends the wait of each connection that waits for its turn, in their order. */
  readonly #turns = new Set<() => void>()
  #lastId = 0
  #isClosed = false

  constructor(send: (message: MovedUpgrade, handle: RawHandle) => Promise<void>) {
    this.#send = send
  }

  /**
   * Moves a connection. Resolves with whether the successor has it; if not, it is here as before, or has been
   * destroyed: with its end the wait for the successor ends too. A second call during a move joins the first.
   */
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

  /** Starts no more moves; the successor still adopts or declines connections on their way. */
  close(): void {
    this.#isClosed = true
    this.#closed.resolve()
  }

  /** Takes back the connections that the successor, which is gone, has not acknowledged. */
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
    // Taken at once: a `resume()` of the application would emit data that its state does not cover.
    const head = takeBuffered(socket)
    const timeoutMs = socket.timeout ?? 0
    socket.setTimeout(0)
    const destroyed = deferred<false>()
    const stopWatching = onDestroy(socket, () => {
      destroyed.resolve(false)
    })
    const facts = { bound, state, head: head.toString('base64') }
    const isAdopted = await this.#pass(socket, handle, facts, destroyed.promise)
    stopWatching()
    if (isAdopted) {
      // Destroys only this process's copy: the connection lives on.
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
    destroyed: Promise<false>,
  ): Promise<boolean> {
    while (!this.#isClosed && isMovable(socket)) {
      if (socket.writableLength === 0 && this.#answers.size < widestWindow) {
        return this.#sendAndWait(socket, handle, facts, destroyed)
      }
      const wait = socket.writableLength > 0 ? flushed(socket) : this.#turn(destroyed)
      await Promise.race([wait, this.#closed.promise])
    }
    this.#nextTurn()
    return false
  }

  async #sendAndWait(
    socket: net.Socket,
    handle: RawHandle,
    facts: Omit<MovedUpgrade, 'type' | 'id'>,
    destroyed: Promise<false>,
  ): Promise<boolean> {
    const id = ++this.#lastId
    const answer = deferred<boolean>()
    this.#answers.set(id, answer.resolve)
    this.#send({ type: 'upgrade', id, ...facts }, handle).catch((error: unknown) => {
      // If the successor is gone, that is handled where its end is noticed.
      if (!isPeerGone(error)) answer.resolve(false)
    })
    // The hammer or the application may destroy it while the successor has yet to answer, or never does.
    const isAdopted = await Promise.race([answer.promise, destroyed])
    this.#answers.delete(id)
    this.#nextTurn()
    return isAdopted
  }

  /** Settles when another connection has had its turn, or when this one is destroyed. */
  #turn(destroyed: Promise<false>): Promise<void> {
    return new Promise((resolve) => {
      this.#turns.add(resolve)
      void destroyed.then(() => {
        // Not both: its turn would be lost for the others.
        if (this.#turns.delete(resolve)) resolve()
      })
    })
  }

  #nextTurn(): void {
    const [next] = this.#turns
    if (!next) return
    this.#turns.delete(next)
    next()
  }
}

/**
 * Returns the state of a connection as JSON text, as it is sent; `undefined` becomes `null`.
 *
 * @throws `ERR_ENDLESS_INVALID_STATE` if the state is not a JSON value, or its text is larger than 1 MiB
 */
export function stateText(state: unknown): string {
  let text: unknown
  try {
    text = JSON.stringify(state)
  } catch (cause) {
    throw new EndlessError(
      'ERR_ENDLESS_INVALID_STATE',
      `Cannot migrate: the state is not a JSON value: ${messageOf(cause)}.`,
      { cause },
    )
  }
  if (typeof text !== 'string') return 'null'
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxStateBytes) return text
  throw new EndlessError(
    'ERR_ENDLESS_INVALID_STATE',
    `Cannot migrate: the state is ${String(bytes)} bytes of JSON, and the limit is ` +
      `${String(maxStateBytes)}. Store it where both processes can find it, and pass its key.`,
  )
}

/** Whether a connection is plain TCP without a parser, and open in both directions. */
function isMovable(socket: net.Socket): boolean {
  return (
    !socket.destroyed &&
    isSendable(socket) &&
    socket.readable &&
    socket.writable &&
    parserOf(socket) === undefined &&
    // A decoder may hold half a character, which would be lost.
    socket.readableEncoding === null
  )
}

/** Settles when everything that was written has been sent, or never will be. */
function flushed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.write('', () => {
      resolve()
    })
  })
}

/** Takes the bytes that a connection has read ahead, without a call to its 'data' listeners. */
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
 * Passes a connection that has left HTTP, with its handle; the reply is `upgrade-adopted` or
 * `upgrade-declined`.
 * `{ type: 'upgrade', id: 1, bound: '127.0.0.1:80', state: '{"name":"Ada"}', head: 'gQA=' }`
 */
export interface MovedUpgrade {
  type: 'upgrade'
  id: number
  /** The address of its server here and in the successor. */
  bound: string
  /** The application's state of the connection, in JSON. */
  state: string
  /** The bytes that were read and not used here, in base64. */
  head: string
}
