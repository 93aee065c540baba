import type { Owner } from './clock.js'

/** A handle of a simulated process. */
export interface Handle {
  readonly isClosed: boolean
  /** Makes another copy of what it leads to, which is on its way. */
  pack(): Parcel
  /** Closes it as the end of its process does: nobody is told. */
  vanish(): void
}

/** A copy of one end of a stream. */
export interface StreamCopy extends Handle {
  readonly owner: Holder
  readonly isReading: boolean
  /** Gives Node what waits in the kernel, if it still reads. */
  deliver(): void
}

/** A copy of a listening socket. */
export interface ListenCopy extends Handle {
  readonly owner: Holder
  readonly isAccepting: boolean
  /** Accepts one connection, and the next in a turn of its own. */
  accept(): void
}

/** A process that has handles. */
export interface Holder extends Owner {
  readonly name: string
  readonly handles: Set<Handle>
}

/** A copy of a socket on its way from one process to another, as `SCM_RIGHTS` passes it. */
export interface Parcel {
  /** What it is, for the trace. */
  readonly what: string
  unpack(owner: Holder): Handle
  /** Closes the copy: nobody gets it. */
  drop(): void
}
