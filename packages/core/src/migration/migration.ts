import type net from 'node:net'
import { isPeerGone } from '../line/peer-gone.js'
import { rawHandleOf } from '../node/internals/connection-handle.js'
import { httpServerOf, responseOn } from '../node/internals/http1-connection.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { System } from '../node/system.js'
import { isHttpAlone } from './http-alone.js'
import { IdleParsers } from './idle-parsers.js'
import { limitSilence, markIdle } from './mark-idle.js'

// The predecessor's half of a migration; adopt.ts is the other.

/** How many connections move at once while this process is not busy. */
const widestWindow = 32
/** How long the process counts as busy after a use was seen, and as the drain begins, when use is unknown. */
const busyMs = 250
/** The rest after a connection in use has moved, as a multiple of the time until its acknowledgement. */
const restShare = 8
/** An acknowledgement that is late by chance must not hold up thousands of connections. */
const longestRestMs = 100
/** How long a drain rests at all: thousands of connections must have moved before the hammer falls. */
const gentleMs = 2_000

/** The facts about a connection that the successor needs. */
export type ConnectionFacts = Omit<MovedConnection, 'type' | 'id'>

/** Who offers connections: one drain, for each of them. */
export interface Giver {
  /** Returns the facts about one; asked when its turn has come. */
  facts: (socket: net.Socket) => ConnectionFacts
  /** Whether one may still go; asked if its client has used it meanwhile. @default it may */
  mayMove?: (socket: net.Socket) => boolean
  /** Called if one stays here. */
  onReturned: () => void
  /** Whether nobody reads from one any more. @default false */
  isHeld?: (socket: net.Socket) => boolean
}

/** A connection that waits for its turn to move. */
interface Offer {
  giver: Giver
  /** The bytes that had been read when its parser was seen between two messages. */
  bytesRead: number
}

/** A connection that neither process reads, until the successor has adopted or declined it. */
interface Moving {
  socket: net.Socket
  sentMs: number
  /** Whether the client seems active; moving it gives the successor work. */
  isInUse: boolean
  isFresh: boolean
  timeoutMs: number
  onReturned: () => void
}

/**
 * Moves open connections to the successor, a few at a time. A connection that waits for its turn is
 * served as ever. When its turn has come, nothing more is read from it here: what the client sends
 * waits in the kernel until the successor has the connection.
 *
 * See docs/decisions.md, "The raw handle moves, not the socket"
 */
export class Migration {
  readonly #system: Pick<System, 'now' | 'setTimeout'>
  readonly #adopts: Pick<ReadonlySet<string>, 'has'>
  readonly #send: (message: MovedConnection, handle: RawHandle) => Promise<void>
  /** Connections that nobody reads: their clients wait, so that they go before all others, and without a rest. */
  readonly #held = new Map<net.Socket, Offer>()
  /** Connections that were used while they waited: they move first, and leave this process with little to do. */
  readonly #hot = new Map<net.Socket, Offer>()
  readonly #cold = new Map<net.Socket, Offer>()
  /** Those that were ever used while they waited. */
  readonly #used = new WeakSet<net.Socket>()
  readonly #moving = new Map<number, Moving>()
  readonly #inMove = new WeakSet<net.Socket>()
  readonly #declined = new WeakSet<net.Socket>()
  #lastId = 0
  #beganMs: number | undefined
  #busyUntilMs = -Infinity
  #restUntilMs = -Infinity
  #rest: NodeJS.Timeout | undefined
  #isPumpQueued = false
  #isClosed = false

  /** The connections that wait for their turn, those first that go first. */
  readonly #queues = [this.#held, this.#hot, this.#cold]

  /** @param adopts the addresses of the servers that adopt connections in the other process */
  constructor(
    system: Pick<System, 'now' | 'setTimeout'>,
    adopts: Pick<ReadonlySet<string>, 'has'>,
    send: (message: MovedConnection, handle: RawHandle) => Promise<void>,
  ) {
    this.#system = system
    this.#adopts = adopts
    this.#send = send
  }

  /** Whether a connection may move as soon as its parser is between two messages. */
  takes(socket: net.Socket, bound: string): boolean {
    return (
      !this.#isClosed &&
      this.#adopts.has(bound) &&
      !this.#declined.has(socket) &&
      isHttpAlone(socket)
    )
  }

  /** Whether a connection waits for its turn or is on its way. */
  has(socket: net.Socket): boolean {
    // Written out: a drain asks this of thousands of connections at once.
    return (
      this.#cold.has(socket) ||
      this.#hot.has(socket) ||
      this.#held.has(socket) ||
      this.#inMove.has(socket)
    )
  }

  /** Queues a connection, whose parser must be between two messages. */
  offer(socket: net.Socket, giver: Giver): void {
    if (this.has(socket)) return
    const isHeld = giver.isHeld?.(socket) ?? false
    const queue = isHeld ? this.#held : this.#used.has(socket) ? this.#hot : this.#cold
    queue.set(socket, { giver, bytesRead: socket.bytesRead })
    this.#pumpAfterOffers()
  }

  adopted(id: number): void {
    const moving = this.#moving.get(id)
    if (!moving) return
    // Destroys only this process's copy: the connection lives on.
    moving.socket.destroy()
    this.#moving.delete(id)
    if (moving.isInUse) {
      const now = this.#system.now()
      this.#restUntilMs = now + Math.min(restShare * (now - moving.sentMs), longestRestMs)
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

  /** Starts no more moves; the successor still adopts or declines connections on their way. */
  close(): void {
    this.#isClosed = true
    const waiting = this.#queues.flatMap((queue) => [...queue.values()])
    for (const queue of this.#queues) queue.clear()
    for (const { giver } of waiting) giver.onReturned()
  }

  /** Takes back the connections that the successor, which is gone, has not acknowledged. */
  abort(): void {
    this.close()
    for (const [id, moving] of this.#moving) this.#bringBack(id, moving)
  }

  /**
   * Closes our copies of the connections on their way: no answer will come, but the other process may live, and
   * two processes that read one connection would mix responses. A connection that it adopted lives on there;
   * otherwise the client sees it closed, and does not wait.
   */
  lose(): void {
    this.close()
    for (const id of this.#moving.keys()) this.adopted(id)
  }

  /**
   * Moves the connections whose turn has come.
   * See docs/decisions.md, "Connections in use move first, one at a time, and slowly"
   */
  #pump(): void {
    const now = this.#system.now()
    this.#beganMs ??= now
    // When the drain begins, any connection may be in use.
    const isFirst = now < this.#beganMs + busyMs
    const restUntilMs = Math.min(this.#restUntilMs, this.#beganMs + gentleMs)
    const isResting = now < restUntilMs
    if (isResting) this.#pumpAfterRest(restUntilMs - now)
    const idle = new IdleParsers()
    for (const queue of this.#queues) {
      const isInUse = isFirst || queue === this.#hot
      if (isResting && isInUse) continue
      for (const [socket, offer] of queue) {
        const isBusy = isFirst || this.#hot.size > 0 || now < this.#busyUntilMs
        if (this.#moving.size >= (isBusy ? 1 : widestWindow)) return
        if (socket.destroyed) {
          queue.delete(socket)
          continue
        }
        const isUnread = socket.bytesRead === offer.bytesRead
        if (!isUnread) this.#busyUntilMs = now + busyMs
        if (isUnread ? isAtRest(socket) : !isResting && mayGo(socket, offer, idle)) {
          queue.delete(socket)
          this.#move(socket, offer, isInUse || !isUnread)
        } else if (isUnread) {
          // The application holds it, as by `pause()`, and so it stays.
          queue.delete(socket)
          this.#declined.add(socket)
          offer.giver.onReturned()
        } else if (queue !== this.#hot) {
          this.#used.add(socket)
          queue.delete(socket)
          this.#hot.set(socket, offer)
        }
      }
    }
    if (isResting || this.#moving.size > 0) return
    // None of them is idle at this moment: the drain waits for that.
    const busy = [...this.#hot.values()]
    this.#hot.clear()
    for (const { giver } of busy) giver.onReturned()
  }

  /**
   * Moves nothing before all have been offered: who offers thousands blocks the loop meanwhile, and would read the
   * first acknowledgement late, as if the successor had too much to do.
   */
  #pumpAfterOffers(): void {
    if (this.#isPumpQueued) return
    this.#isPumpQueued = true
    queueMicrotask(() => {
      this.#isPumpQueued = false
      this.#pump()
    })
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

  #move(socket: net.Socket, { giver }: Offer, isInUse: boolean): void {
    const handle = rawHandleOf(socket)
    if (!handle) return
    const facts = giver.facts(socket)
    // Stops reading at once (lib/_http_server.js, onSocketPause): nothing is read before the handle is sent.
    socket.pause()
    const timeoutMs = socket.timeout ?? 0
    socket.setTimeout(0)
    // Otherwise this process could write a 408 into a connection that the successor already has.
    if (facts.isFresh) markIdle(socket)
    const id = ++this.#lastId
    this.#moving.set(id, {
      socket,
      sentMs: this.#system.now(),
      isInUse,
      isFresh: facts.isFresh,
      timeoutMs,
      onReturned: giver.onReturned,
    })
    this.#inMove.add(socket)
    // Not the socket: Node would count a net.Socket for the child, and a relay could not pass it on.
    this.#send({ type: 'connection', id, ...facts }, handle).catch((error: unknown) => {
      // If the hammer or the application closed it before it was sent, there is nothing to move.
      if (socket.destroyed) this.adopted(id)
      // If the successor is gone, that is handled where its end is noticed.
      else if (!isPeerGone(error)) this.declined(id)
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

/** Limits the silence of a client that has never sent a byte, as Node did until `markIdle` ended that. */
function limitFresh(socket: net.Socket): void {
  const server = httpServerOf(socket)
  if (!server) return
  const limitMs = server.headersTimeout || server.requestTimeout
  if (limitMs > 0 && !(server.timeout > 0)) limitSilence(server, socket, limitMs)
}

/** Whether a connection that was used since it was offered may go at this moment. */
function mayGo(socket: net.Socket, { giver }: Offer, idle: IdleParsers): boolean {
  return isAtRest(socket) && idle.has(socket) && (giver.mayMove?.(socket) ?? true)
}

/** Whether nothing is under way on a connection in either direction, and neither side has ended. */
function isAtRest(socket: net.Socket): boolean {
  return (
    isHttpAlone(socket) &&
    !responseOn(socket) &&
    socket.writableLength === 0 &&
    socket.readableLength === 0 &&
    socket.readable &&
    socket.writable &&
    !socket.isPaused()
  )
}

/**
 * Passes an open connection, with its handle, between two messages; the reply is `adopted` or `declined`.
 * `{ type: 'connection', id: 1, bound: '127.0.0.1:80', isFresh: false, keepAliveTimeoutMs: 5000 }`
 */
export interface MovedConnection {
  type: 'connection'
  id: number
  /** The address of its server here and in the successor: `127.0.0.1:3000`. */
  bound: string
  /** Whether the client has not sent a byte yet. */
  isFresh: boolean
  /** How long the client was told that it may stay idle; 0 if it was told nothing. */
  keepAliveTimeoutMs: number
  /** How many requests have come on it, if its server limits them by `maxRequestsPerSocket`. */
  requests?: number
}
