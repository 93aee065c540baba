import type net from 'node:net'
import { acceptConnection, type RawHandle, type RawListener } from '../node/internals.js'
import { shadow } from '../node/shadow.js'

// The successor's half of moving what has left HTTP; migrate-upgrade.ts is the other.

/**
 * Makes a connection that had left HTTP one of a server, as Node makes each (lib/net.js,
 * onconnection), but for the event 'connection': HTTP would parse it. It is paused.
 *
 * @param listener the handle that the server listens on, or listened on before it began to drain
 * @param head what the predecessor had read and not used: it comes first
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
    // It is connected already: to drop it would be to lose it.
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
