import type net from 'node:net'
import type { ClosingServer } from '../node/internals.js'

/**
 * Holds back the 'close' of a server that drains, as long as it may have to accept again: what the
 * application does on 'close' cannot be undone. Calls back whenever the server has neither a
 * listening socket nor a connection left.
 *
 * @returns what lets the server close
 */
export function holdClose(server: net.Server, onDrained: () => void): () => void {
  const closing = server as unknown as ClosingServer
  // Called by net.Server#close and by each connection that ends (lib/net.js).
  closing._emitCloseIfDrained = () => {
    if (isDrained(server)) onDrained()
  }
  return () => {
    Reflect.deleteProperty(closing, '_emitCloseIfDrained')
    closing._emitCloseIfDrained()
  }
}

/** Whether a server neither listens nor has a connection. */
export function isDrained(server: net.Server): boolean {
  const { _handle, _connections } = server as unknown as ClosingServer
  return _handle === null && _connections === 0
}
