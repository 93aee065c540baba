import type { EndlessError } from '../api/endless-error.js'
import type { GenerationStatus } from '../api/status.js'
import type { Channel } from '../line/channel.js'
import { formatAddress, type ListenTarget, type UnixAddress } from '../listeners/address.js'
import { HeldListeners } from '../listeners/held-listeners.js'
import type { PassedListener } from '../listeners/passed-listener.js'
import type { MovedConnection } from '../migration/migration.js'
import type { MovedUpgrade } from '../migration/upgrade-migration.js'
import type { RawHandle } from '../node/internals.js'
import type { System } from '../node/system.js'
import { deferred, late, within } from '../node/waits.js'
import {
  type Inheritance,
  inheritanceKey,
  type ToPredecessor,
  type ToSuccessor,
} from './protocol.js'

// The successor's half of a handoff; predecessor.ts is the other.

/** How long the predecessor may take to tell about itself. */
const answerMs = 1_000

/** What {@link Predecessor} needs from the process that comes after it. */
export interface PredecessorHost {
  readonly system: System
  readonly inheritance: Inheritance
  /** The line to it: its own, or the one of the supervisor between the two. */
  readonly channel: Channel<ToPredecessor, ToSuccessor>
  /** Takes over an open connection; returns whether there is a server for it. */
  readonly adopt: (moved: MovedConnection | MovedUpgrade, handle: RawHandle) => boolean
  /** Returns how long a successor of this process may boot. */
  readonly readyTimeoutMs: () => number
}

/** What this process has from its predecessor; the preload has received it. */
export class Predecessor {
  readonly generation: number
  /** Its working directory as the user named it. */
  readonly directory: string
  /** Its sockets that nobody has claimed here yet. */
  readonly held: HeldListeners
  readonly #host: PredecessorHost
  readonly #channel: Channel<ToPredecessor, ToSuccessor>
  readonly #takenOver = deferred<number | undefined>()
  readonly #finished = deferred()
  #hasTakenOver = false
  #hasLeft = false
  /** What it has been asked and has not answered yet. */
  readonly #asked = new Map<number, (generations: GenerationStatus[]) => void>()
  #lastAsked = 0

  constructor(host: PredecessorHost) {
    const { inheritance, channel } = host
    this.#host = host
    this.#channel = channel
    this.held = new HeldListeners(inheritance.held)
    this.generation = inheritance.welcome.generation
    this.directory = inheritance.welcome.directory
    if (inheritance.welcome.supervisor?.isFirst) {
      this.#hasTakenOver = true
      inheritance.reportAtEnd()
    }
    channel.onMessage = (message, handle) => {
      if (message.type === 'taken-over') this.#takeOver(message.afterMs)
      else if (message.type === 'older') this.#asked.get(message.id)?.(message.generations)
      else if (message.type === 'connection') this.#receive(message, handle)
      else if (message.type === 'upgrade') this.#receiveUpgrade(message, handle)
    }
    void channel.closed.then(() => {
      this.#takeOver(undefined)
      this.#finished.resolve()
      for (const answer of this.#asked.values()) answer([])
    })
  }

  /**
   * Settles when this process may accept: it is told so, and gets the time since the restart was asked
   * for, or the predecessor is gone. Never settles where it may accept from the start.
   */
  get takenOver(): Promise<number | undefined> {
    return this.#takenOver.promise
  }

  get hasTakenOver(): boolean {
    return this.#hasTakenOver
  }

  claim(target: ListenTarget): PassedListener | undefined {
    // A handle whose listen is deferred keeps nothing alive; the channel must, until it accepts.
    if (!this.#hasTakenOver) this.#channel.ref()
    const held = this.held.claim(target)
    return (
      held && {
        ...held,
        ticketKeys: this.#host.inheritance.welcome.ticketKeys[formatAddress(held.bound)],
      }
    )
  }

  /** Gives copies of listening sockets: they outlive this process. */
  deposit(listeners: readonly PassedListener[]): void {
    const isSupervised = this.#host.inheritance.welcome.supervisor !== undefined
    for (const { asked, bound, handle, ticketKeys } of listeners) {
      // A predecessor has these keys, or older ones of its own.
      this.#send({ type: 'escrow', asked, bound, ...(isSupervised && { ticketKeys }) }, handle)
    }
  }

  /** Has a copy closed: connections shall be refused there, not wait for ever. */
  withdraw(bound: string): void {
    this.#send({ type: 'released', bound })
  }

  reportReady(
    report: Omit<Extract<ToPredecessor, { type: 'ready' }>, 'type' | 'readyTimeoutMs'>,
  ): void {
    this.#send({ type: 'ready', ...report, readyTimeoutMs: this.#host.readyTimeoutMs() })
  }

  /** Tells that this process will not serve, and why: the predecessor stops it. */
  refuse({ name, message, stack, code }: EndlessError): void {
    this.#send({ type: 'error', error: { name, message, stack, code } })
    this.leave()
  }

  reportServing(): void {
    this.#send({ type: 'serving' })
  }

  /** Where its control socket is, which leaves its path to ours. */
  get control(): UnixAddress | undefined {
    return this.#host.inheritance.welcome.control
  }

  /** Asks it and what is older for their status, hammered first if told so; none that is gone answers. */
  async askOlder(isHammered: boolean): Promise<GenerationStatus[]> {
    const id = ++this.#lastAsked
    const answer = deferred<GenerationStatus[]>()
    this.#asked.set(id, answer.resolve)
    this.#channel.send({ type: 'ask-older', id, isHammered }).catch(() => answer.resolve([]))
    const generations = await within(answer.promise, answerMs, this.#host.system)
    this.#asked.delete(id)
    // One that is busy for longer is left out.
    return generations === late ? [] : generations
  }

  /** Tells that our own successor has taken over: from now on that one is answered for by us. */
  reportSucceeded(): void {
    if (!this.#hasLeft) this.#send({ type: 'succeeded' })
  }

  /** Tells that this process shuts down: nothing more may come; it is known whether it has served. */
  leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#send({ type: 'leaving', hasTakenOver: this.#hasTakenOver })
    this.#finished.resolve()
  }

  /** Settles when it gives us no connections any more: it has exited, or was told to stop. */
  async untilFinished(): Promise<void> {
    this.#channel.ref()
    await this.#finished.promise
    this.#channel.unref()
  }

  #takeOver(afterMs: number | undefined): void {
    if (this.#hasTakenOver) return
    this.#hasTakenOver = true
    this.#channel.unref()
    const { inheritance } = this.#host
    // A supervisor tells what a generation has died of, however long it has served.
    if (inheritance.welcome.supervisor) inheritance.reportAtEnd()
    else inheritance.stopReporting()
    this.#takenOver.resolve(afterMs)
  }

  #receive(connection: MovedConnection, handle: RawHandle | undefined): void {
    // Without a handle: it was closed on the way, and only an answer is missing.
    let isAdopted = handle !== undefined && !this.#hasLeft
    try {
      if (handle && isAdopted) isAdopted = this.#host.adopt(connection, handle)
    } finally {
      // Also when a 'connection' listener of the application has thrown: the connection is ours.
      if (handle && !isAdopted) handle.close()
      this.#send({ type: isAdopted ? 'adopted' : 'declined', id: connection.id })
    }
  }

  #receiveUpgrade(upgrade: MovedUpgrade, handle: RawHandle | undefined): void {
    // Without a handle: it was closed on the way, which is for the predecessor to tell.
    const isAdopted = handle !== undefined && !this.#hasLeft && this.#host.adopt(upgrade, handle)
    if (!isAdopted) handle?.close()
    this.#send({ type: isAdopted ? 'upgrade-adopted' : 'upgrade-declined', id: upgrade.id })
  }

  #send(message: ToPredecessor, handle?: RawHandle): void {
    // A predecessor that is gone needs no report: its going was the permission to accept.
    this.#channel.send(message, handle).catch(() => undefined)
  }
}

/** Takes what the preload left; `undefined` in generation 0. */
export function takeInheritance(): Inheritance | undefined {
  const inheritance = (globalThis as Record<symbol, unknown>)[inheritanceKey]
  Reflect.deleteProperty(globalThis, inheritanceKey)
  return inheritance as Inheritance | undefined
}
