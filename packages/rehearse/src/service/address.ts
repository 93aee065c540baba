import net from 'node:net'
import { RehearseError } from './rehearse-error.js'

/** Where a server is. */
export interface Address {
  host: string
  port: number
  /** The `Host` header. */
  authority: string
  isTls: boolean
  /** As it is shown: `http://localhost:3000`. */
  url: string
}

const loopback = new net.BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Reads the URL of a server.
 *
 * @param ownHost a host other than this machine that the user said is theirs
 * @throws {RehearseError} if the URL makes no sense, or its host is neither this machine nor `ownHost`
 */
export function addressOf(text: string, ownHost?: string): Address {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new RehearseError(`${text} is no URL of a server, such as http://localhost:3000`)
  }
  const isTls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!isLoopback(host) && host !== ownHost?.toLowerCase().replace(/^\[|\]$/g, '')) {
    throw new RehearseError(
      `${host} is not this machine. Load on a server of others is an attack; ` +
        `if it is yours: --yes-this-is-mine ${host}`,
    )
  }
  if (url.pathname !== '/' || url.search !== '') {
    throw new RehearseError(
      `--url is only where the server is; what to ask for is --path ${url.pathname}`,
    )
  }
  const port = Number(url.port) || (isTls ? 443 : 80)
  return { host, port, authority: url.host, isTls, url: url.origin }
}

/** Whether a host is this machine, whatever the network says. */
function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const family = net.isIP(host)
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}
