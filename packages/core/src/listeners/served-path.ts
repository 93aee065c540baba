import type net from 'node:net'
import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import { listenOnPipe, rawListenerOf } from '../node/internals/listening-handle.js'
import { formatAddress, type UnixAddress } from './address.js'
import type { KeptListener } from './kept-listener.js'
import type { ListenCall } from './listen-call.js'
import { applyRights, type SocketRights } from './socket-rights.js'
import { leadsTo, removePath } from './unix-path.js'
import { bindUnixSocket, removeOnClose, type UnixSocket } from './unix-socket.js'

// The path of a Unix socket that a server listens on: bound, taken from a predecessor, or bound anew.

/** What {@link ServedPath} needs from the server that listens on the path. */
export interface ServedPathHost {
  readonly server: net.Server
  readonly host: { readonly logger: Logger }
  readonly rights: SocketRights
  /** Asked again after a wait: the server may have been closed, or may listen elsewhere. */
  isWanted(): boolean
}

/** Path of a Unix socket that a server listens on, from one `listen` call until the next. */
export class ServedPath {
  readonly #path: string
  readonly #call: ListenCall
  readonly #holder: ServedPathHost
  #bound: UnixAddress | undefined
  #isRenewed = false

  /** @param path absolute, or abstract */
  constructor(path: string, call: ListenCall, holder: ServedPathHost) {
    this.#path = path
    this.#call = call
    this.#holder = holder
  }

  /** `undefined` until the server listens there: another process may listen there already. */
  get bound(): UnixAddress | undefined {
    return this.#bound
  }

  /** Returns whether the server listens again, and not for a new `listen` call. Call when it listens. */
  opened(): boolean {
    const isRenewed = this.#isRenewed
    this.#isRenewed = false
    return isRenewed
  }

  /** Binds the path and listens: at once, or when it is known that no other process listens there. */
  bind(done = this.#emitError, replaces: UnixAddress[] = []): void {
    const { rights } = this.#holder
    const { readableAll, writableAll, backlog } = this.#call
    const isWanted = (): boolean => this.#holder.isWanted()
    const asked = { path: this.#path, rights, readableAll, writableAll, backlog }
    bindUnixSocket({ ...asked, replaces, isWanted }, (result) => {
      if (result instanceof Error) {
        done(result)
      } else {
        this.listenOn(result)
        done()
      }
    })
  }

  /** Listens on a socket that is already bound to the path. */
  listenOn({ handle, bound }: UnixSocket): void {
    const { written, backlog } = this.#call
    this.#bound = bound
    listenOnPipe(this.#holder.server, handle, written ?? bound.path, backlog)
  }

  /** Listens again, on the escrow of the socket or on a new socket. */
  again(escrow: KeptListener | undefined, settled: (error?: Error) => void): void {
    // The event 'listening' comes after `settled`.
    this.#isRenewed = true
    if (!escrow || !('path' in escrow.bound)) {
      this.bind(settled)
      return
    }
    // The successor may have bound the path anew.
    const socket = { handle: escrow.handle, bound: escrow.bound }
    removeOnClose(socket)
    this.listenOn(socket)
    settled()
  }

  /** Closes the escrow of the socket, and removes the path: nothing listens there any more. */
  giveUp({ handle, bound }: KeptListener): void {
    if ('path' in bound) removeOnClose({ handle, bound })
    handle.close()
  }

  /** Removes the path, if it still leads to the socket: nothing listens there any more. */
  abandon(): void {
    if (this.#bound) removePath(this.#bound)
  }

  /** Takes over a predecessor's path: sets its rights, and removes it when the socket closes. */
  take(socket: UnixSocket): void {
    const { path, identity } = socket.bound
    if (identity === '') return
    removeOnClose(socket)
    try {
      applyRights(path, identity, this.#holder.rights)
    } catch (error) {
      this.#holder.host.logger.warn(`Cannot set the rights of ${path}: ${messageOf(error)}`)
    }
  }

  /**
   * Binds the path anew, if it was removed. Most likely, a successor removed it before it listened, as
   * programs without endless must, and then failed.
   */
  mend(): void {
    const bound = this.#bound
    if (!bound || leadsTo(bound) || !rawListenerOf(this.#holder.server)) return
    this.#holder.host.logger.warn(
      `${bound.path} was removed: binding it again. The program need not remove it: endless does.`,
    )
    this.#renew(bound)
  }

  /** Binds the path anew, so that a process which has the same socket cannot remove it. */
  keep(): void {
    const bound = this.#bound
    if (bound && bound.identity !== '') this.#renew(bound)
  }

  #renew(bound: UnixAddress): void {
    const former = rawListenerOf(this.#holder.server)
    if (!former) return
    this.#isRenewed = true
    this.bind(
      (error) => {
        if (error) {
          this.#isRenewed = false
          const { logger } = this.#holder.host
          logger.error(`Cannot listen on ${formatAddress(bound)} again: ${error.message}`)
        } else former.close()
      },
      [bound],
    )
  }

  readonly #emitError = (error?: Error): void => {
    if (error) this.#holder.server.emit('error', error)
  }
}
