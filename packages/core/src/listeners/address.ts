import { type AddressInfo, isIP, isIPv6, type Server } from 'node:net'
import { EndlessError } from '../api/endless-error.js'

// Addresses: what `listen` and `bind` ask for, where a socket is bound, and both as text.

/** Target of a `listen` call, read as Node reads the arguments. */
export type ListenTarget =
  | { kind: 'tcp'; port: number; host?: string; ipv6Only: boolean }
  | { kind: 'fd'; fd: number }
  | { kind: 'path'; path: string }
  | { kind: 'other' } // a handle, a server, or arguments that Node will refuse

/** Writes a target as canonical text: `tcp:localhost:3000`, `fd:3`, `unix:/run/app.sock`. */
export function askedText(target: ListenTarget): string | undefined {
  switch (target.kind) {
    case 'tcp':
      return `tcp:${target.host ?? ''}:${String(target.port)}${target.ipv6Only ? ':6' : ''}`
    case 'fd':
      return `fd:${String(target.fd)}`
    case 'path':
      return formatPath(target.path)
    case 'other':
      return undefined
    default:
      return target satisfies never
  }
}

/** Whether `target` asks for the address at which a socket is bound. */
export function matchesBound(target: ListenTarget, bound: ListenerAddress): boolean {
  if ('path' in bound) return target.kind === 'path' && target.path === bound.path
  if (target.kind !== 'tcp' || target.port === 0 || target.port !== bound.port) return false
  if (target.host === undefined) return bound.address === '::' || bound.address === '0.0.0.0'
  return isIP(target.host) !== 0 && normalizeIp(target.host) === normalizeIp(bound.address)
}

/** Whether two addresses are the same, however they are spelled. */
export function isSameAddress(one: InetAddress, other: InetAddress): boolean {
  return one.port === other.port && normalizeIp(one.address) === normalizeIp(other.address)
}

/** Spells an IP address canonically: IPv6 has many spellings, and `URL` returns the canonical one. */
function normalizeIp(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address.split('%')[0] ?? ''}]`).hostname : address
}

/** Returns where a server listens: `127.0.0.1:3000`, `[::]:3000`; `null` while it does not. */
export function addressOf(server: Server): string | null {
  const bound = server.address()
  return bound === null || typeof bound === 'string' ? bound : formatAddress(bound)
}

/**
 * Writes an address as {@link parseGoAddress} reads it; a Unix socket as `unix:/run/app.sock`, and a UDP socket as
 * `udp:127.0.0.1:8125`.
 */
export function formatAddress(
  bound: Pick<AddressInfo, 'address' | 'port'> | UdpAddress | UnixAddress,
): string {
  if ('path' in bound) return formatPath(bound.path)
  const { address, port } = bound
  const text = isIPv6(address) ? `[${address}]:${String(port)}` : `${address}:${String(port)}`
  return 'transport' in bound ? `${bound.transport}:${text}` : text
}

/** Writes a path; `@` stands for the NUL of an abstract socket, as in Go. */
function formatPath(path: string): string {
  return `unix:${path.replace(/^\0/, '@')}`
}

const servicePorts: Record<string, number> = { http: 80, https: 443 }

/**
 * Reads an address as Go writes it: `localhost:4242`, `:4242`, `:http`, `[::1]:4242`. An empty text
 * means the port of the scheme on every address. `unix:/run/app.sock` is a Unix socket, and
 * `unix:@app` an abstract socket of Linux.
 *
 * @throws `ERR_ENDLESS_INVALID_ADDRESS` for any other text
 */
export function parseGoAddress(
  address: string,
  scheme: 'http' | 'https',
): { port: number; host?: string } | { path: string } {
  const text: unknown = address
  if (typeof text !== 'string') throw invalidAddress(String(text), 'it is not a string')
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^@/, '\0')
    if (/^\0?$|.\0/.test(path)) throw invalidAddress(text, 'it names no path')
    return { path }
  }
  const { host, port } = splitHostPort(text === '' ? `:${scheme}` : text)
  if (host.includes(':') && !isIPv6(host.split('%')[0] ?? '')) {
    throw invalidAddress(text, `'${host}' is not an IPv6 address`)
  }
  const number = servicePorts[port] ?? (/^\d{1,5}$/.test(port) ? Number(port) : NaN)
  if (!(number <= 65_535)) throw invalidAddress(text, `'${port}' is not a port`)
  return host === '' ? { port: number } : { port: number, host }
}

function splitHostPort(text: string): { host: string; port: string } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text)
  if (!match) throw invalidAddress(text, 'it is not of the form host:port')
  return { host: match[1] ?? match[2] ?? '', port: match[3] ?? '' }
}

function invalidAddress(address: string, found: string): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_INVALID_ADDRESS',
    `Cannot listen on '${address}': ${found}. ` +
      `Write 'localhost:4242', ':4242', ':http', '[::1]:4242' or 'unix:/run/app.sock'.`,
  )
}

/** Where a socket is bound that is passed on. */
export type BoundAddress = ListenerAddress | UdpAddress

/** Where a listener is bound: a TCP address as `server.address()` returns it, or a Unix socket. */
export type ListenerAddress = InetAddress | UnixAddress

/** An IP address with a port, as Node returns it: `{ address: '127.0.0.1', family: 'IPv4', port: 3000 }`. */
export interface InetAddress {
  address: string
  family: string
  port: number
}

/** Where a UDP socket is bound. TCP has ports of its own. */
export interface UdpAddress extends InetAddress {
  transport: 'udp'
}

/**
 * Path of a bound Unix socket, with the identity of its file:
 * `{ path: '/run/app.sock', identity: '26:1204:1795479378359685964' }`.
 */
export interface UnixAddress {
  /** Absolute; for an abstract socket of Linux its name, with the leading NUL. */
  path: string
  /**
   * Device, inode and time of birth of the file at the path. '' if there is no file (abstract socket),
   * or if the file is not ours (a service manager has bound the socket).
   */
  identity: string
}
