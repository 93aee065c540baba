import net from 'node:net'
import tls from 'node:tls'
import type { Target } from './call.js'

/** Begins to connect; `onOpen` is called when the connection can carry bytes: with TLS, after the handshake. */
export function dial(target: Target, protocols: string[], onOpen: () => void): net.Socket {
  const { host, port } = target
  if (!target.isTls) {
    const socket = net.connect({ host, port, noDelay: true })
    return socket.once('connect', onOpen)
  }
  const socket = tls.connect({
    host,
    port,
    // Names alone: an address is no server name (RFC 6066, section 3).
    ...(net.isIP(host) ? {} : { servername: host }),
    ALPNProtocols: protocols,
    // Rehearsals run against certificates of one's own; who answers is not the question here.
    rejectUnauthorized: false,
  })
  socket.setNoDelay(true)
  return socket.once('secureConnect', onOpen)
}
