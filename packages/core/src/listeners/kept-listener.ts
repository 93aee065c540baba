import type { RawListener } from '../node/internals/raw-handle.js'
import type { ListenerAddress } from './address.js'

/** A copy of a listening socket, and where that is bound: a Unix path with the identity of its file. */
export interface KeptListener {
  bound: ListenerAddress
  handle: RawListener
}
