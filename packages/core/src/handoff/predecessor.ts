import type { EndlessError } from '../api/endless-error.js'
import type { RawHandle } from '../node/internals.js'
import type { GenerationStatus } from '../api/generation.js'
import { formatAddress, type ListenTarget } from '../listeners/address.js'
import { HeldListeners } from '../listeners/held-listeners.js'
import {
  inheritanceKey,
  type Channel,
  type HeldListener,
  type Inheritance,
  type MovedConnection,
  type MovedUpgrade,
  type PassedTicketKeys,
  type ToPredecessor,
  type ToSuccessor,
  type UnixAddress,
} from './protocol.js'
import type { System } from '../node/system.js'

// The successor's half of a handoff; predecessor.ts is the other.

/** How long the predecessor may take to tell about itself. */
const answerMs = 1_000

/** A listening socket of the predecessor, with what else belongs to its server. */
export type Claimed = HeldListener & { ticketKeys?: PassedTicketKeys | undefined }

/** What this process has from its predecessor; the preload has received it. */
export class Predecessor {
  readonly generation: number
  /** Its working directory as the user named it. */
  readonly directory: string
  /** Its sockets that nobody has claimed here yet. */
  readonly held: HeldListeners
  readonly #inheritance: Inheritance
  readonly #channel: Channel<ToPredecessor, ToSuccessor>
  #hasTakenOver = false
  #hasLeft = false
  readonly #finished: Promise<void>
  #settleFinished!: () => void
  readonly #system: System
  readonly #readyTimeoutMs: () => number
  /** What it has been asked and has not answered yet. */
  readonly #asked = new Map<number, (generations: GenerationStatus[]) => void>()
  #lastAsked = 0

  /**
   * @param channel the line to it
   * @param onTakeOver called once, when this process may accept: told so, with the time since the
   * restart was asked for, or because the predecessor is gone
   * @param adopt takes an open connection over; answers whether there is a server for it
   * @param readyTimeoutMs tells how long a successor of this process may boot
   */
  constructor(
    system: System,
    inheritance: Inheritance,
    channel: Channel<ToPredecessor, ToSuccessor>,
    onTakeOver: (afterMs?: number) => void,
    adopt: (moved: MovedConnection | MovedUpgrade, handle: RawHandle) => boolean,
    readyTimeoutMs: () => number,
  ) {
    this.#readyTimeoutMs = readyTimeoutMs
    this.#system = system
    this.#inheritance = inheritance
    this.#channel = channel
    this.#finished = new Promise((resolve) => (this.#settleFinished = resolve))
    this.held = new HeldListeners(inheritance.held)
    this.generation = inheritance.welcome.generation
    this.directory = inheritance.welcome.directory
    const takeOver = (afterMs?: number): void => {
      if (this.#hasTakenOver) return
      this.#hasTakenOver = true
      channel.unref()
      // A supervisor tells what a generation has died of, however long it has served.
      if (inheritance.welcome.supervisor) inheritance.reportAtEnd()
      else inheritance.stopReporting()
      onTakeOver(afterMs)
    }
    if (inheritance.welcome.supervisor?.isFirst) {
      this.#hasTakenOver = true
      inheritance.reportAtEnd()
    }
    channel.onMessage = (message, handle) => {
      if (message.type === 'taken-over') takeOver(message.afterMs)
      else if (message.type === 'older') this.#asked.get(message.id)?.(message.generations)
      else if (message.type === 'connection') this.#receive(message, handle, adopt)
      else if (message.type === 'upgrade') this.#receiveUpgrade(message, handle, adopt)
    }
    void channel.closed.then(() => {
      takeOver()
      this.#settleFinished()
      for (const answer of this.#asked.values()) answer([])
    })
  }

  get hasTakenOver(): boolean {
    return this.#hasTakenOver
  }

  claim(target: ListenTarget): Claimed | undefined {
    // A handle whose listen is deferred keeps nothing alive; the channel must, until it accepts.
    if (!this.#hasTakenOver) this.#channel.ref()
    const held = this.held.claim(target)
    return (
      held && {
        ...held,
        ticketKeys: this.#inheritance.welcome.ticketKeys[formatAddress(held.bound)],
      }
    )
  }

  /** Gives copies of listening sockets: they outlive this process. */
  deposit(listeners: readonly Claimed[]): void {
    const isSupervised = this.#inheritance.welcome.supervisor !== undefined
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
    this.#send({ type: 'ready', ...report, readyTimeoutMs: this.#readyTimeoutMs() })
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
    return this.#inheritance.welcome.control
  }

  /** Asks it and what is older for their status, hammered first if told so; none that is gone answers. */
  async askOlder(isHammered: boolean): Promise<GenerationStatus[]> {
    const id = ++this.#lastAsked
    let timer: NodeJS.Timeout | undefined
    const answer = new Promise<GenerationStatus[]>((resolve) => {
      this.#asked.set(id, resolve)
      // Referenced: somebody waits. One that is busy for longer is left out.
      timer = this.#system.setTimeout(() => resolve([]), answerMs)
      this.#channel.send({ type: 'ask-older', id, isHammered }).catch(() => resolve([]))
    })
    const generations = await answer
    clearTimeout(timer)
    this.#asked.delete(id)
    return generations
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
    this.#settleFinished()
  }

  /** Settles when it gives us no connections any more: it has exited, or was told to stop. */
  async untilFinished(): Promise<void> {
    this.#channel.ref()
    await this.#finished
    this.#channel.unref()
  }

  #receive(
    connection: MovedConnection,
    handle: RawHandle | undefined,
    adopt: (connection: MovedConnection, handle: RawHandle) => boolean,
  ): void {
    // Without a handle: it was closed on the way, and only an answer is missing.
    let isAdopted = handle !== undefined && !this.#hasLeft
    try {
      if (handle && isAdopted) isAdopted = adopt(connection, handle)
    } finally {
      // Also when a 'connection' listener of the application has thrown: the connection is ours.
      if (handle && !isAdopted) handle.close()
      this.#send({ type: isAdopted ? 'adopted' : 'declined', id: connection.id })
    }
  }

  #receiveUpgrade(
    upgrade: MovedUpgrade,
    handle: RawHandle | undefined,
    adopt: (upgrade: MovedUpgrade, handle: RawHandle) => boolean,
  ): void {
    // Without a handle: it was closed on the way, which is for the predecessor to tell.
    const isAdopted = handle !== undefined && !this.#hasLeft && adopt(upgrade, handle)
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
