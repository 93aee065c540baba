import type net from 'node:net'
import { HandleLost } from '../line/handle-lost.js'
import {
  httpServerOf,
  isReadByParser,
  type RawHandle,
  rawHandleOf,
  responseOn,
} from '../node/internals.js'
import type { System } from '../node/system.js'
import { limitSilence, markIdle } from './mark-idle.js'

// The predecessor's half of a migration; adopt.ts is the other.

/** How many connections move at once while nothing else is asked of this process. */
const widestWindow = 32
/** For how long after a request the process counts as busy, and for how long a drain finds out who is in use. */
const busyMs = 250
/** How long to rest after a connection in use, in the time that the successor took to acknowledge it. */
const restShare = 8
/** For how long at the most there is any rest: thousands of connections must have gone before the hammer falls. */
const gentleMs = 2_000

/** What the successor has to know of a connection. */
export type ConnectionFacts = Pick<MovedConnection, 'bound' | 'isFresh' | 'keepAliveTimeoutMs'>

/** A connection that waits for its turn. */
interface Offer {
  facts: ConnectionFacts
  /** What had been read when its parser was seen between two messages. */
  bytesRead: number
  /** Called if it stays here. */
  onReturned: () => void
}

/** A connection that neither process reads, until the successor answers. */
interface Moving {
  socket: net.Socket
  sentMs: number
  /** Whether its client is at it, for all that is known: with it the successor gets work. */
  isInUse: boolean
  isFresh: boolean
  timeoutMs: number
  onReturned: () => void
}

/**
 * Gives open connections to the successor, a few at a time. One that waits for its turn is served as
 * ever; of one whose turn has come nothing more is read here: what its client sends waits in the
 * kernel until the successor has it.
 */
export class Migration {
  readonly #system: System
  readonly #adopts: ReadonlySet<string>
  readonly #send: (message: MovedConnection, handle: RawHandle) => Promise<void>
  /** Those that clients use now: their turn comes first, and then this process has little to do. */
  readonly #hot = new Map<net.Socket, Offer>()
  readonly #cold = new Map<net.Socket, Offer>()
  readonly #used = new WeakSet<net.Socket>()
  readonly #moving = new Map<number, Moving>()
  readonly #inMove = new WeakSet<net.Socket>()
  readonly #declined = new WeakSet<net.Socket>()
  #lastId = 0
  #beganMs: number | undefined
  #busyUntilMs = -Infinity
  #restUntilMs = -Infinity
  #rest: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param adopts where the successor adopts connections, by address */
  constructor(
    system: System,
    adopts: Iterable<string>,
    send: (message: MovedConnection, handle: RawHandle) => Promise<void>,
  ) {
    this.#system = system
    this.#adopts = new Set(adopts)
    this.#send = send
  }

  /** Whether a connection may move as soon as its parser is between two messages. */
  takes(socket: net.Socket, bound: string): boolean {
    return (
      !this.#isClosed &&
      this.#adopts.has(bound) &&
      !this.#declined.has(socket) &&
      isReadByParserAlone(socket)
    )
  }

  /** Whether a connection waits for its turn, or is on its way. */
  has(socket: net.Socket): boolean {
    return this.#hot.has(socket) || this.#cold.has(socket) || this.#inMove.has(socket)
  }

  /** Lines a connection up whose parser is between two messages. */
  offer(socket: net.Socket, facts: ConnectionFacts, onReturned: () => void): void {
    if (this.has(socket)) return
    const queue = this.#used.has(socket) ? this.#hot : this.#cold
    queue.set(socket, { facts, bytesRead: socket.bytesRead, onReturned })
    this.#pump()
  }

  /** Tells that a request has come: the successor shall warm up while this process still answers. */
  noteRequest(socket: net.Socket): void {
    this.#busyUntilMs = this.#system.now() + busyMs
    this.#used.add(socket)
  }

  adopted(id: number): void {
    const moving = this.#moving.get(id)
    if (!moving) return
    // Ours is a copy: the connection lives on.
    moving.socket.destroy()
    this.#moving.delete(id)
    if (moving.isInUse) {
      const now = this.#system.now()
      this.#restUntilMs = now + restShare * (now - moving.sentMs)
    }
    this.#pump()
  }

  declined(id: number): void {
    const moving = this.#moving.get(id)
    if (!moving) return
    this.#declined.add(moving.socket)
    this.#bringBack(id, moving)
    this.#pump()
  }

  /** Offers nothing more; what is on its way is still answered. */
  close(): void {
    this.#isClosed = true
    const waiting = [...this.#hot.values(), ...this.#cold.values()]
    this.#hot.clear()
    this.#cold.clear()
    for (const { onReturned } of waiting) onReturned()
  }

  /** The successor is gone: what it has not acknowledged goes on here. */
  abort(): void {
    this.close()
    for (const [id, moving] of this.#moving) this.#bringBack(id, moving)
  }

  #pump(): void {
    const now = this.#system.now()
    this.#beganMs ??= now
    // Requests are noted in the drain alone: as it begins, clients may be at it for all that is known.
    const isFirst = now < this.#beganMs + busyMs
    const isBusy = isFirst || now < this.#busyUntilMs
    const window = isBusy ? 1 : widestWindow
    const restUntilMs = Math.min(this.#restUntilMs, this.#beganMs + gentleMs)
    const isResting = isBusy && now < restUntilMs
    if (isResting) this.#pumpAfterRest(restUntilMs - now)
    for (const queue of [this.#hot, this.#cold]) {
      const isInUse = isFirst || queue === this.#hot
      if (isResting && isInUse) continue
      for (const [socket, offer] of queue) {
        if (this.#moving.size >= window) return
        queue.delete(socket)
        if (socket.bytesRead === offer.bytesRead && isAtRest(socket)) {
          this.#move(socket, offer, isInUse)
          continue
        }
        // Something has come since, and may have been answered already: then it is offered again. If
        // nothing has, the application holds it, as by `pause()`, and it stays.
        if (socket.bytesRead === offer.bytesRead) this.#declined.add(socket)
        offer.onReturned()
      }
    }
  }

  #pumpAfterRest(restMs: number): void {
    clearTimeout(this.#rest)
    // Unreferenced: the connections that wait hold the process.
    this.#rest = this.#system
      .setTimeout(() => {
        this.#pump()
      }, Math.ceil(restMs))
      .unref()
  }

  #move(socket: net.Socket, { facts, onReturned }: Offer, isInUse: boolean): void {
    const handle = rawHandleOf(socket)
    if (!handle) return
    // Reading stops at once (lib/_http_server.js, onSocketPause), and nothing is read in between.
    socket.pause()
    const timeoutMs = socket.timeout ?? 0
    socket.setTimeout(0)
    // A 408 of ours would be written into what is the successor's connection by then.
    if (facts.isFresh) markIdle(socket)
    const id = ++this.#lastId
    this.#moving.set(id, {
      socket,
      sentMs: this.#system.now(),
      isInUse,
      isFresh: facts.isFresh,
      timeoutMs,
      onReturned,
    })
    this.#inMove.add(socket)
    // The raw handle, not the socket: Node would count a net.Socket among those that it keeps track of
    // for the child, and a relay could not pass it on.
    this.#send({ type: 'connection', id, ...facts }, handle).catch((error: unknown) => {
      // Closed before it was sent, by the hammer or by the application: there is nothing to move. A
      // successor that is gone makes sending fail too, and is dealt with where its end is noticed.
      if (socket.destroyed) this.adopted(id)
      else if (error instanceof HandleLost) this.declined(id)
    })
  }

  #bringBack(id: number, { socket, isFresh, timeoutMs, onReturned }: Moving): void {
    this.#moving.delete(id)
    this.#inMove.delete(socket)
    if (socket.destroyed) return
    socket.setTimeout(timeoutMs)
    if (isFresh) limitFresh(socket)
    socket.resume()
    onReturned()
  }
}

/** Has a client that never sends a byte leave in the time that Node gave it, before `markIdle` ended that. */
function limitFresh(socket: net.Socket): void {
  const server = httpServerOf(socket)
  if (!server) return
  const limitMs = server.headersTimeout || server.requestTimeout
  if (limitMs > 0 && !(server.timeout > 0)) limitSilence(server, socket, limitMs)
}

/**
 * Whether nobody but the HTTP parser reads from a connection. A foreign 'data' or 'readable' listener
 * detaches the parser from the handle (lib/_http_server.js, generateSocketListenerWrapper): pausing
 * would no longer stop the reading, and what such a listener knows cannot be moved.
 */
function isReadByParserAlone(socket: net.Socket): boolean {
  return (
    isReadByParser(socket) &&
    socket.listenerCount('data') === 1 &&
    socket.listenerCount('readable') === 0
  )
}

/** Whether nothing is under way on a connection in either direction, and neither side has ended. */
function isAtRest(socket: net.Socket): boolean {
  return (
    isReadByParserAlone(socket) &&
    !responseOn(socket) &&
    socket.writableLength === 0 &&
    socket.readableLength === 0 &&
    socket.readable &&
    socket.writable &&
    !socket.isPaused()
  )
}

/** An open connection, with its handle, between two messages: `adopted` or `declined` answers. */
export interface MovedConnection {
  type: 'connection'
  id: number
  /** Where its server is bound, and the server that adopts it: `127.0.0.1:3000`. */
  bound: string
  /** Whether its client has not sent a byte yet. */
  isFresh: boolean
  /** For how long its client was told that it may stay idle; 0: nothing was said. */
  keepAliveTimeoutMs: number
}
