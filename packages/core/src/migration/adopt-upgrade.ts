import type net from 'node:net'
import { acceptConnection } from '../node/internals/listening-handle.js'
import type { RawHandle, RawListener } from '../node/internals/raw-handle.js'
import { shadow } from '../node/shadow.js'

// The successor's half of moving connections that have left HTTP; upgrade-migration.ts is the other.

/**
 * Makes a server accept a connection that had left HTTP, as Node accepts each (lib/net.js,
 * onconnection), but without the event 'connection': HTTP would parse it. The socket is paused.
 *
 * @param listener the handle that the server listens on, or listened on before it began to drain
 * @param head bytes that the predecessor had read and not used: the new socket reads them first
 * @returns `undefined` if the server refuses the address
 */
export function adoptUpgrade(
  server: net.Server,
  listener: RawListener,
  handle: RawHandle,
  head: Buffer,
): net.Socket | undefined {
  let socket: net.Socket | undefined
  const shadows = {
    emit: (event: string, accepted: net.Socket) => {
      if (event === 'connection') socket = accepted
      return true
    },
    pauseOnConnect: true,
    // The connection is open already: dropping it would lose it.
    maxConnections: Infinity,
  }
  const restores = Object.entries(shadows).map(([name, value]) => shadow(server, name, value))
  try {
    acceptConnection(listener, handle)
  } finally {
    for (const restore of restores) restore()
  }
  if (socket && head.length > 0) socket.unshift(head)
  return socket
}
