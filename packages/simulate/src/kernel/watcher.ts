import type { Clock } from './clock.js'
import type { StreamEnd } from './stream-end.js'

/** What hears of the use of streams, in whichever process. */
export interface Watcher {
  readonly clock: Clock
  /** One more copy of this end reads. */
  readsNow(end: StreamEnd): void
  /** The process whose turn it is closes a copy. */
  closed(end: StreamEnd): void
}
