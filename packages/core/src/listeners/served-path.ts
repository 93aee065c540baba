import type net from 'node:net'
import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import { listenOnPipe, type RawListener, rawListenerOf } from '../node/internals.js'
import { formatAddress, type UnixAddress } from './address.js'
import type { ListenCall } from './listen-call.js'
import { applyRights, leadsTo, type SocketRights } from './unix-path.js'
import { bindUnixSocket, removeOnClose, type UnixSocket } from './unix-socket.js'

/** What a path needs of the server that listens on it. */
export interface ServedPathHost {
  readonly server: net.Server
  readonly host: { readonly logger: Logger }
  readonly rights: SocketRights
  /** Asked again after a wait: the server may have been closed, or listen elsewhere. */
  isWanted(): boolean
}

/** The path of a Unix socket that a server listens on, from one call of `listen` until the next. */
export class ServedPath {
  readonly #path: string
  readonly #call: ListenCall
  readonly #holder: ServedPathHost
  #bound: UnixAddress | undefined

  /** @param path absolute, or abstract */
  constructor(path: string, call: ListenCall, holder: ServedPathHost) {
    this.#path = path
    this.#call = call
    this.#holder = holder
  }

  /** `undefined` until it is known that nobody else listens there. */
  get bound(): UnixAddress | undefined {
    return this.#bound
  }

  /** Listens, at once or when it is known that nobody else does. */
  bind(done = this.#emitError): void {
    const { rights } = this.#holder
    const { readableAll, writableAll, backlog } = this.#call
    const isWanted = (): boolean => this.#holder.isWanted()
    const target = { path: this.#path, rights, readableAll, writableAll, backlog, isWanted }
    bindUnixSocket(target, (result) => {
      if (result instanceof Error) {
        done(result)
      } else {
        this.listenOn(result)
        done()
      }
    })
  }

  /** Listens on a socket that is bound there. */
  listenOn({ handle, bound }: UnixSocket): void {
    const { written, backlog } = this.#call
    this.#bound = bound
    listenOnPipe(this.#holder.server, handle, written ?? bound.path, backlog)
  }

  /** Listens again, on the escrow of its socket or on a new one. */
  again(escrow: RawListener | undefined): void {
    if (!escrow || !this.#bound) {
      this.bind()
      return
    }
    const socket = { handle: escrow, bound: this.#bound }
    removeOnClose(socket)
    this.listenOn(socket)
  }

  /** Closes the escrow of its socket: with that, nobody listens there any more. */
  giveUp(escrow: RawListener): void {
    if (this.#bound) removeOnClose({ handle: escrow, bound: this.#bound })
    escrow.close()
  }

  /** The path of a predecessor is its own from now on, for the rights and for the end. */
  take(socket: UnixSocket): void {
    const { path, identity } = socket.bound
    if (identity === '') return
    removeOnClose(socket)
    try {
      applyRights(path, this.#holder.rights)
    } catch (error) {
      this.#holder.host.logger.warn(`Cannot set the rights of ${path}: ${messageOf(error)}`)
    }
  }

  /**
   * Has the path lead to its server again, if somebody has removed it: most likely a successor that did
   * so before it listened, as one has to do without endless, and then failed.
   */
  mend(): void {
    const bound = this.#bound
    const nameless = rawListenerOf(this.#holder.server)
    if (!nameless || !bound || leadsTo(bound)) return
    const { logger } = this.#holder.host
    logger.warn(`Somebody has removed ${bound.path}: binding it anew. It needs no removing.`)
    this.bind((error) => {
      if (error) logger.error(`Cannot listen on ${formatAddress(bound)} again: ${error.message}`)
      else nameless.close()
    })
  }

  readonly #emitError = (error?: Error): void => {
    if (error) this.#holder.server.emit('error', error)
  }
}
