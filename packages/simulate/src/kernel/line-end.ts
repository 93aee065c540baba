import type { Handle, Holder, Parcel } from './handle.js'

/** A message as Node sends it over IPC. */
export interface Message {
  cmd?: string
  type?: string
  [name: string]: unknown
}

/** What is on its way on a line: a message, perhaps with a handle, or the answer to a handle. */
export interface Packet {
  message: Message | undefined
  parcel: Parcel | undefined
  /** Whether the handle that came before was taken. */
  isTaken: boolean | undefined
}

type Callback = (error: Error | null) => void

interface Queued {
  message: Message
  handle: Handle | undefined
  callback: Callback
}

/** What carries the packets of all lines. */
export interface Carrier {
  /** Lets a packet arrive at the other end, after all that was sent there before. */
  carry(from: LineEnd, to: LineEnd, packet: Packet, arrive: () => void): void
  /** Lets the other end see that this one is closed, after all that was sent there before. */
  carryEnd(from: LineEnd, to: LineEnd, arrive: () => void): void
}

/**
 * One end of an IPC channel, as Node has it (lib/internal/child_process.js): in order, one handle at a time, and
 * what is sent meanwhile waits until the other end has answered that handle.
 */
export class LineEnd {
  readonly owner: Holder
  /** When the last packet to this end arrives. */
  lastArrivalMs = 0
  /** What waits until a handle is answered; `null` if none is under way. */
  waiting: Queued[] | null = null
  isOpen = true
  onMessage: (message: Message, handle: Handle | undefined) => void = () => undefined
  onAnswer: (isTaken: boolean) => void = () => undefined
  onClose: () => void = () => undefined
  readonly #carrier: Carrier
  readonly #inbound = new Set<Packet>()
  #peer: LineEnd | undefined

  constructor(owner: Holder, carrier: Carrier) {
    this.owner = owner
    this.#carrier = carrier
  }

  get peer(): LineEnd | undefined {
    return this.#peer
  }

  join(peer: LineEnd): void {
    this.#peer = peer
    peer.#peer = this
  }

  send(message: Message, handle: Handle | undefined, callback: Callback): void {
    if (!this.isOpen) {
      fail(callback, 'ERR_IPC_CHANNEL_CLOSED')
    } else if (this.waiting) {
      this.waiting.push({ message, handle, callback })
    } else if (handle?.isClosed) {
      fail(callback, 'EBADF')
    } else if (this.#peer?.isOpen !== true) {
      fail(callback, 'EPIPE')
    } else {
      if (handle) this.waiting = []
      // As text: what has no place in JSON is lost.
      const text = JSON.parse(JSON.stringify(message)) as Message
      this.#carry({ message: text, parcel: handle?.pack(), isTaken: undefined })
      process.nextTick(callback, null)
    }
  }

  /** Notes the answer to a handle, and sends what has waited for it. */
  answered(): void {
    const waiting = this.waiting ?? []
    this.waiting = null
    for (const { message, handle, callback } of waiting) this.send(message, handle, callback)
  }

  /** Closes this end: what is on its way here is lost, what is on its way there arrives. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const { parcel } of this.#inbound) parcel?.drop()
    this.#inbound.clear()
    const peer = this.#peer
    if (peer) {
      this.#carrier.carryEnd(this, peer, () => {
        peer.#ended()
      })
    }
  }

  #ended(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.onClose()
  }

  #carry(packet: Packet): void {
    const peer = this.#peer
    if (!peer?.isOpen) {
      packet.parcel?.drop()
      return
    }
    peer.#inbound.add(packet)
    this.#carrier.carry(this, peer, packet, () => {
      peer.#arrive(packet)
    })
  }

  #arrive(packet: Packet): void {
    if (!this.#inbound.delete(packet)) return
    const { message, parcel, isTaken } = packet
    if (isTaken !== undefined) this.onAnswer(isTaken)
    if (!message) return
    const handle = parcel?.unpack(this.owner)
    // Node answers before anybody has seen the message.
    if (handle) this.#carry({ message: undefined, parcel: undefined, isTaken: true })
    this.onMessage(message, handle)
  }
}

function fail(callback: Callback, code: string): void {
  process.nextTick(callback, Object.assign(new Error(code), { code }))
}
