import type { Clock } from './clock.js'
import type { Holder, Parcel, StreamCopy } from './handle.js'

/** What gets the bytes that are written to a stream: the other end, or a client. */
export interface Receiver {
  bytes(bytes: Buffer): void
  /** Nothing more comes. */
  end(): void
}

/**
 * One end of a stream in the kernel, of which processes may have copies. What arrives waits until some copy reads it.
 * The end closes with its last copy, those included that are on their way between two processes.
 */
export class StreamEnd {
  /** Copies that processes have. */
  readonly copies = new Set<StreamCopy>()
  /** Gets what is written here. */
  to: Receiver | undefined
  /** All that processes ever had. */
  readonly opened: StreamCopy[] = []
  /** How many copies are on their way. */
  travelling = 0
  hasFinished = false
  isClosed = false
  readonly name: string
  readonly #clock: Clock
  readonly #createHandle: (end: StreamEnd, owner: Holder) => StreamCopy
  readonly #inbox: Buffer[] = []
  #isAtEnd = false

  constructor(
    name: string,
    clock: Clock,
    createHandle: (end: StreamEnd, owner: Holder) => StreamCopy,
  ) {
    this.name = name
    this.#clock = clock
    this.#createHandle = createHandle
  }

  get isAtEnd(): boolean {
    return this.#isAtEnd && this.#inbox.length === 0
  }

  get isUnread(): boolean {
    return this.#inbox.length > 0
  }

  /** Makes a copy for a process. */
  open(owner: Holder): StreamCopy {
    const handle = this.#createHandle(this, owner)
    this.copies.add(handle)
    this.opened.push(handle)
    owner.handles.add(handle)
    return handle
  }

  /** Puts a copy on its way. */
  pack(): Parcel {
    this.travelling++
    const arrive = (): void => {
      this.travelling--
    }
    return {
      what: this.name,
      unpack: (owner) => {
        const handle = this.open(owner)
        arrive()
        return handle
      },
      drop: () => {
        arrive()
        this.#closeWithLast()
      },
    }
  }

  receive(bytes: Buffer): void {
    if (this.isClosed) return
    this.#inbox.push(bytes)
    this.#wake()
  }

  receiveEnd(): void {
    this.#isAtEnd = true
    this.#wake()
  }

  /** Takes what waits to be read. */
  take(): Buffer | undefined {
    if (this.#inbox.length === 0) return undefined
    return Buffer.concat(this.#inbox.splice(0))
  }

  /** Tells a copy of what waits. */
  wake(copy: StreamCopy): void {
    if (this.isUnread || this.#isAtEnd) {
      this.#clock.soon(copy.owner, () => {
        copy.deliver()
      })
    }
  }

  close(copy: StreamCopy): void {
    this.copies.delete(copy)
    copy.owner.handles.delete(copy)
    this.#closeWithLast()
  }

  /** Ends it though nobody has a copy: it was never accepted. */
  reset(): void {
    this.isClosed = true
    this.hasFinished = true
    this.to?.end()
  }

  #wake(): void {
    for (const copy of this.copies) if (copy.isReading) this.wake(copy)
  }

  #closeWithLast(): void {
    if (this.isClosed || this.copies.size > 0 || this.travelling > 0) return
    this.isClosed = true
    this.to?.end()
    this.hasFinished = true
  }
}
