import type dgram from 'node:dgram'
import { constants } from 'node:os'
import { shadow } from '../shadow.js'
import type { RawUdpHandle } from './raw-handle.js'
import { symbolNamed } from './symbol-named.js'

// The handles of UDP sockets, and how Node binds them (lib/dgram.js).

/** What this file needs of the handle beside {@link RawUdpHandle}. */
interface UdpHandle extends RawUdpHandle {
  bind(address: string, port: number, flags: number): number
  connect(address: string, port: number): number
  addMembership(group: string, local?: string): number
  addSourceSpecificMembership(source: string, group: string, local?: string): number
  dropSourceSpecificMembership(source: string, group: string, local?: string): number
  getsockname(out: object): number
  getpeername(out: object): number
  hasRef(): boolean
  unref(): void
}

/** What a socket keeps in its `kStateSymbol` (lib/internal/dgram.js). */
interface SocketState {
  handle: UdpHandle | null
}

function stateOf(socket: dgram.Socket): SocketState | undefined {
  const symbol = symbolNamed(socket, 'state symbol')
  return symbol && (socket as unknown as Record<symbol, SocketState>)[symbol]
}

/** The handle of a UDP socket; `null` when it is closed. */
export function udpHandleOf(socket: dgram.Socket): RawUdpHandle | null {
  return stateOf(socket)?.handle ?? null
}

/** Where a handle is bound; `undefined` if it is not. */
export function udpAddressOf(
  handle: RawUdpHandle,
): { address: string; family: string; port: number } | undefined {
  const bound = { address: '', family: '', port: 0 }
  return (handle as UdpHandle).getsockname(bound) === 0 ? bound : undefined
}

/**
 * Calls `around` once, when Node has looked the address up and binds the socket, with where. `bind` does what Node
 * would; both return 0 or a negative errno. Not called in a worker of a cluster, whose primary binds, and not for the
 * descriptor of a socket that is bound already.
 *
 * @param until what the lookup waits for; `undefined`: nothing
 */
export function aroundBind(
  socket: dgram.Socket,
  around: (bind: () => number, where: { address: string; port: number }) => number,
  until?: Promise<void>,
): void {
  const handle = stateOf(socket)?.handle
  if (!handle) return
  if (until) putOffLookup(handle as UdpHandle & Lookup, until)
  const undo = shadow(handle, 'bind', (address: string, port: number, flags: number) => {
    undo()
    return around(() => handle.bind(address, port, flags), { address, port })
  })
}

interface Lookup {
  lookup(...args: unknown[]): void
}

function putOffLookup(handle: Lookup, until: Promise<void>): void {
  const undo = shadow(handle, 'lookup', (...args: unknown[]) => {
    undo()
    // In a turn of its own: what a listener throws is no rejection.
    void until.then(() => {
      process.nextTick(() => {
        handle.lookup(...args)
      })
    })
  })
}

/**
 * Gives a socket another handle, which is bound already, in place of its own (lib/dgram.js, replaceHandle, which a
 * cluster worker uses). What the program asks for anew, and the handle has, succeeds.
 */
export function replaceHandle(socket: dgram.Socket, received: RawUdpHandle): void {
  const state = stateOf(socket)
  const old = state?.handle
  if (!old) return
  const handle = received as UdpHandle
  // Its socket, and for IPv6 the functions that stand in place of those for IPv4.
  Object.assign(handle, old)
  if (!old.hasRef()) handle.unref()
  old.close()
  state.handle = handle
  keepMemberships(handle)
  keepPeer(handle)
}

/** The kernel takes no membership twice: EADDRINUSE, and for that of one source EADDRNOTAVAIL. */
function keepMemberships(handle: UdpHandle): void {
  const add = handle.addMembership.bind(handle)
  const addSource = handle.addSourceSpecificMembership.bind(handle)
  shadow(handle, 'addMembership', (...asked: Parameters<typeof add>) => {
    const errno = add(...asked)
    return errno === -constants.errno.EADDRINUSE ? 0 : errno
  })
  shadow(handle, 'addSourceSpecificMembership', (...asked: Parameters<typeof addSource>) => {
    const errno = addSource(...asked)
    // It also says that there is no such interface. What can be dropped was there.
    const isThere =
      errno === -constants.errno.EADDRNOTAVAIL &&
      handle.dropSourceSpecificMembership(...asked) === 0
    return isThere ? addSource(...asked) : errno
  })
}

/** libuv connects no socket twice: EISCONN. */
function keepPeer(handle: UdpHandle): void {
  const connect = handle.connect.bind(handle)
  shadow(handle, 'connect', (address: string, port: number) => {
    const errno = connect(address, port)
    if (errno !== -constants.errno.EISCONN) return errno
    const peer = { address: '', port: 0 }
    const isSame = handle.getpeername(peer) === 0 && peer.address === address && peer.port === port
    return isSame ? 0 : errno
  })
}

/**
 * Makes a handle that Node is about to read from wait. Returns a function that lets it read.
 *
 * @param receive called with what Node does for each datagram
 */
export function deferReading(
  handle: RawUdpHandle,
  receive: (deliver: () => void) => void,
): () => void {
  let isAllowed = false
  let start = (): number => 0
  const undo = shadow(handle, 'recvStart', () => {
    // Node has just set it (lib/dgram.js, startListening).
    const deliver = handle.onmessage?.bind(handle)
    handle.onmessage = (...args) => {
      receive(() => deliver?.(...args))
    }
    undo()
    start = () => handle.recvStart()
    return isAllowed ? start() : 0
  })
  return () => {
    isAllowed = true
    start()
  }
}
