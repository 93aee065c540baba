import { isIP, isIPv6, type AddressInfo, type Server } from 'node:net'
import { EndlessError } from '../errors.js'
import type { BoundAddress, UnixAddress } from '../handoff/protocol.js'

/** What a call of `listen` asks for, as Node reads its arguments. */
export type ListenTarget =
  | { kind: 'tcp'; port: number; host?: string; ipv6Only: boolean }
  | { kind: 'fd'; fd: number }
  | { kind: 'path'; path: string }
  | { kind: 'other' } // a handle, a server, or arguments that Node will refuse

/** A call of `listen`: what for, and the rest of its arguments. */
export interface ListenCall {
  target: ListenTarget
  backlog: number | undefined
  /** Whether everybody may read or write, of a path. */
  readableAll: boolean
  writableAll: boolean
  signal: AbortSignal | undefined
  callback: (() => void) | undefined
}

/** Reads the arguments of any overload of `net.Server#listen` (lib/net.js, normalizeArgs). */
export function parseListenCall(args: readonly unknown[]): ListenCall {
  const last = args.at(-1)
  const callback = typeof last === 'function' ? (last as () => void) : undefined
  const [first] = args
  if (typeof first === 'object' && first !== null) {
    const options = first as Record<string, unknown>
    return {
      target: targetOfOptions(options),
      backlog: toBacklog(options['backlog']) ?? toBacklog(args[1]) ?? toBacklog(args[2]),
      readableAll: options['readableAll'] === true,
      writableAll: options['writableAll'] === true,
      signal: options['signal'] as AbortSignal | undefined,
      callback,
    }
  }
  return {
    target: targetOfPositions(args),
    backlog: toBacklog(args[1]) ?? toBacklog(args[2]),
    readableAll: false,
    writableAll: false,
    signal: undefined,
    callback,
  }
}

function targetOfOptions(options: Record<string, unknown>): ListenTarget {
  if (options['_handle'] || options['handle']) return { kind: 'other' }
  if (typeof options['fd'] === 'number' && options['fd'] >= 0) {
    return { kind: 'fd', fd: options['fd'] }
  }
  if ('port' in options || !('path' in options)) {
    const port = 'port' in options ? toPort(options['port']) : undefined
    if (port !== undefined) {
      return tcp(port, options['host'], options['ipv6Only'] === true)
    }
  }
  const { path } = options
  if (typeof path === 'string' && toNumber(path) === undefined) return { kind: 'path', path }
  return { kind: 'other' }
}

function targetOfPositions(args: readonly unknown[]): ListenTarget {
  const [first, second] = args
  if (args.length === 0 || typeof first === 'function') return tcp(0, undefined, false)
  if (typeof first === 'string' && toNumber(first) === undefined) {
    return { kind: 'path', path: first }
  }
  const port = toPort(first)
  return port === undefined ? { kind: 'other' } : tcp(port, second, false)
}

function tcp(port: number, host: unknown, ipv6Only: boolean): ListenTarget {
  return typeof host === 'string' && host !== ''
    ? { kind: 'tcp', port, host, ipv6Only }
    : { kind: 'tcp', port, ipv6Only }
}

/** `undefined` and `null` are port 0 to Node; what is no port at all is Node's to refuse. */
function toPort(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) {
    return undefined
  }
  const port = Number(value)
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'function' || value === null || value === undefined) return undefined
  const number = Number(value)
  return number >= 0 ? number : undefined
}

/** 0, which an empty host reads as too, is no backlog to Node: the next argument may be one. */
function toBacklog(value: unknown): number | undefined {
  const backlog = toNumber(value)
  return backlog === 0 ? undefined : backlog
}

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
