import { type AddressInfo, isIP, isIPv6, type Server } from 'node:net'
import { EndlessError } from '../api/endless-error.js'

/** What a call of `listen` asks for, as Node reads its arguments. */
export type ListenTarget =
  | { kind: 'tcp'; port: number; host?: string; ipv6Only: boolean }
  | { kind: 'fd'; fd: number }
  | { kind: 'path'; path: string }
  | { kind: 'other' } // a handle, a server, or arguments that Node will refuse

/** The canonical text of what was asked for: `tcp:localhost:3000`, `fd:3`, `unix:/run/app.sock`. */
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

/** Whether somebody who asks for this would get what is bound there. */
export function matchesBound(target: ListenTarget, bound: BoundAddress): boolean {
  if ('path' in bound) return target.kind === 'path' && target.path === bound.path
  if (target.kind !== 'tcp' || target.port === 0 || target.port !== bound.port) return false
  if (target.host === undefined) return bound.address === '::' || bound.address === '0.0.0.0'
  return isIP(target.host) !== 0 && normalizeIp(target.host) === normalizeIp(bound.address)
}

/** IPv6 addresses have many spellings; URL knows the canonical one. */
function normalizeIp(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address.split('%')[0] ?? ''}]`).hostname : address
}

/** Where a server listens: `127.0.0.1:3000`, `[::]:3000`; `null` while it does not. */
export function addressOf(server: Server): string | null {
  const bound = server.address()
  return bound === null || typeof bound === 'string' ? bound : formatAddress(bound)
}

/** Writes an address as Go's names read it; a Unix socket as `unix:/run/app.sock`. */
export function formatAddress(bound: Pick<AddressInfo, 'address' | 'port'> | UnixAddress): string {
  if ('path' in bound) return formatPath(bound.path)
  const { address, port } = bound
  return isIPv6(address) ? `[${address}]:${String(port)}` : `${address}:${String(port)}`
}

/** Go writes the NUL of an abstract socket as `@`. */
function formatPath(path: string): string {
  return `unix:${path.replace(/^\0/, '@')}`
}

const servicePorts: Record<string, number> = { http: 80, https: 443 }

/**
 * Reads an address as Go writes it: `localhost:4242`, `:4242`, `:http`, `[::1]:4242`; blank means
 * the port of the scheme on every address. `unix:/run/app.sock` is a Unix socket, `unix:@app` an
 * abstract one of Linux.
 *
 * @throws `ERR_ENDLESS_INVALID_ADDRESS` for anything else.
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
    `Cannot listen on '${address}': ${found}. Write 'localhost:4242', ':4242', ':http', '[::1]:4242' or 'unix:/run/app.sock'.`,
  )
}

/** Where a listener is bound: as `server.address()` answers for TCP, or a Unix socket. */
export type BoundAddress = { address: string; family: string; port: number } | UnixAddress

/** `{ path: '/run/app.sock', identity: '26:1204:1795479378359685964' }` */
export interface UnixAddress {
  /** Absolute; of Linux's abstract sockets their name, with its leading NUL. */
  path: string
  /**
   * What the path leads to: device, inode, time of birth. '' where there is no file, or none of ours:
   * of abstract sockets, and of those that a service manager has bound.
   */
  identity: string
}
