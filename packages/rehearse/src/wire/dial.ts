import net from 'node:net'
import tls from 'node:tls'
import type { Target } from './call.js'

/** This machine by its addresses, whatever the network says of `localhost` and the names below it (RFC 6761, section 6.3). */
const loopback = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** Returns how a host is looked up; `undefined`: as the system does. */
export function lookupFor(host: string): net.LookupFunction | undefined {
  if (host !== 'localhost' && !host.endsWith('.localhost')) return undefined
  return (_name, { all = false }, callback) => {
    const [first] = loopback
    if (all) callback(null, loopback)
    else callback(null, first?.address ?? '', first?.family)
  }
}

/** Begins to connect; `onOpen` is called when the connection can carry bytes: with TLS, after the handshake. */
export function dial(target: Target, protocols: string[], onOpen: () => void): net.Socket {
  const { host, port } = target
  const lookup = lookupFor(host)
  if (!target.isTls) {
    const socket = net.connect({ host, port, noDelay: true, ...(lookup && { lookup }) })
    return socket.once('connect', onOpen)
  }
  const socket = tls.connect({
    host,
    port,
    ...(lookup && { lookup }),
    // Names alone: an address is no server name (RFC 6066, section 3).
    ...(net.isIP(host) ? {} : { servername: host }),
    ALPNProtocols: protocols,
    // Rehearsals run against certificates of one's own; who answers is not the question here.
    rejectUnauthorized: false,
  })
  socket.setNoDelay(true)
  return socket.once('secureConnect', onOpen)
}
