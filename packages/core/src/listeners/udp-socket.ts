import type dgram from 'node:dgram'
import type { RawUdpHandle } from '../node/internals/raw-handle.js'
import {
  aroundBind,
  deferReading,
  replaceHandle,
  udpAddressOf,
  udpHandleOf,
} from '../node/internals/udp-handle.js'
import { formatAddress, type UdpAddress } from './address.js'
import { ListenContext } from './listen-context.js'
import type { PassedUdpSocket } from './passed-listener.js'

// Where one UDP socket is bound: it claims a passed socket or binds its own, and stops and begins to read.

/** What {@link UdpSocket} needs from the process. */
export interface UdpSocketHost {
  /** Settles when a `bind` knows what is inherited; `undefined` if it does already. */
  readonly arriving: Promise<void> | undefined
  /** Whether a claimed socket may be read, or must wait for {@link UdpSocket.read}. */
  readonly mayAccept: boolean
  claimUdp(address: UdpAddress): PassedUdpSocket | undefined
  udpBound(socket: UdpSocket): void
  udpClosed(socket: UdpSocket): void
}

/**
 * A UDP socket that goes on across restarts, from its `bind` until it is closed.
 * See docs/decisions.md, "One UDP socket, and one process that reads from it"
 */
export class UdpSocket {
  readonly #socket: dgram.Socket
  readonly #host: UdpSocketHost
  #bound: UdpAddress | undefined
  #read: () => void = () => undefined
  #hasStopped = false

  /** @param socket a socket that is about to be bound */
  constructor(socket: dgram.Socket, host: UdpSocketHost) {
    this.#socket = socket
    this.#host = host
    const context = new ListenContext()
    aroundBind(
      socket,
      (bind, { address, port }) => {
        // The family of Node's socket follows from the address.
        const claimed = host.claimUdp({ transport: 'udp', address, family: '', port })
        if (claimed) this.#claim(claimed.handle, context)
        else {
          const errno = bind()
          if (errno !== 0) return errno
        }
        this.#begin()
        return 0
      },
      host.arriving,
    )
  }

  /** Address by which predecessor and successor know the socket; `null` before it is bound. */
  get bound(): string | null {
    return this.#bound ? formatAddress(this.#bound) : null
  }

  /** Socket for the successor; `undefined` when it is closed. */
  get passable(): PassedUdpSocket | undefined {
    const handle = udpHandleOf(this.#socket)
    const bound = this.#bound
    return handle && bound ? { asked: formatAddress(bound), bound, handle } : undefined
  }

  /** Whether another process reads what comes. */
  get hasStopped(): boolean {
    return this.#hasStopped
  }

  /** Begins to read a claimed socket that had to wait. */
  read(): void {
    this.#read()
  }

  /** Stops reading: what comes waits in the kernel for the successor. The program can still send. */
  stop(): void {
    this.#hasStopped = true
    udpHandleOf(this.#socket)?.recvStop()
  }

  /** Reads again: the successor that did so is gone. */
  again(): void {
    this.#hasStopped = false
    udpHandleOf(this.#socket)?.recvStart()
  }

  #claim(handle: RawUdpHandle, context: ListenContext): void {
    replaceHandle(this.#socket, handle)
    this.#read = deferReading(handle, (deliver) => {
      context.run(deliver)
    })
    if (this.#host.mayAccept) this.#read()
  }

  #begin(): void {
    const handle = udpHandleOf(this.#socket)
    const address = handle && udpAddressOf(handle)
    if (!address) return
    this.#bound = { transport: 'udp', ...address }
    this.#socket.once('close', () => {
      this.#host.udpClosed(this)
    })
    this.#host.udpBound(this)
  }
}
