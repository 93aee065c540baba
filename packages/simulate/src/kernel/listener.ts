import type { Clock } from './clock.js'
import type { Holder, ListenCopy, Parcel } from './handle.js'
import type { StreamEnd } from './stream-end.js'

/** A listening socket in the kernel, with the connections that wait in its queue. */
export class Listener {
  readonly port: number
  readonly copies = new Set<ListenCopy>()
  readonly queue: StreamEnd[] = []
  travelling = 0
  isClosed = false
  readonly #clock: Clock
  readonly #createHandle: (listener: Listener, owner: Holder) => ListenCopy
  readonly #changed: () => void

  /** @param changed called when it may be another process that accepts */
  constructor(
    port: number,
    clock: Clock,
    createHandle: (listener: Listener, owner: Holder) => ListenCopy,
    changed: () => void,
  ) {
    this.port = port
    this.#clock = clock
    this.#createHandle = createHandle
    this.#changed = changed
  }

  /** The copies on which a process accepts. */
  get accepting(): ListenCopy[] {
    return [...this.copies].filter(({ isAccepting }) => isAccepting)
  }

  open(owner: Holder): ListenCopy {
    const handle = this.#createHandle(this, owner)
    this.copies.add(handle)
    owner.handles.add(handle)
    return handle
  }

  pack(): Parcel {
    this.travelling++
    const arrive = (): void => {
      this.travelling--
    }
    return {
      what: `listener ${String(this.port)}`,
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

  connect(connection: StreamEnd): void {
    this.queue.push(connection)
    for (const copy of this.accepting) this.wake(copy)
  }

  wake(copy: ListenCopy): void {
    this.#changed()
    if (this.queue.length === 0) return
    this.#clock.soon(copy.owner, () => {
      copy.accept()
    })
  }

  close(copy: ListenCopy): void {
    this.copies.delete(copy)
    copy.owner.handles.delete(copy)
    this.#changed()
    this.#closeWithLast()
  }

  #closeWithLast(): void {
    if (this.isClosed || this.copies.size > 0 || this.travelling > 0) return
    this.isClosed = true
    for (const connection of this.queue.splice(0)) connection.reset()
    this.#changed()
  }
}
