import { statSync } from 'node:fs'
import type http from 'node:http'
import path from 'node:path'
import { EndlessError, messageOf } from '../api/endless-error.js'
import type { UnixAddress } from '../listeners/address.js'
import { isAbstract, removePath, resolveSocketPath } from '../listeners/unix-path.js'
import { bindUnixSocket, type UnixSocket } from '../listeners/unix-socket.js'
import { listenOnPipe } from '../node/internals.js'
import { createControlServer } from './control-server.js'
import type { Service } from './service.js'

/** Where a service can be asked: a Unix socket for nobody but its own user. */
export class ControlSocket {
  /** Absolute. */
  readonly path: string
  readonly #service: Service
  #server: http.Server | undefined
  #bound: UnixAddress | undefined
  #isClosed = false

  /** @throws `ERR_ENDLESS_CONTROL` if no socket can be there, or anybody could put another in its place */
  constructor(given: string, service: Service) {
    this.path = checkedPath(given)
    this.#service = service
  }

  /** Where it listens, for a successor to take its path. */
  get bound(): UnixAddress | undefined {
    return this.#bound
  }

  /**
   * Listens. A path that a dead process has left is taken over, that of the predecessor replaced in one
   * step, and so is our own; settles when it leads here.
   *
   * @throws (rejects) `ERR_ENDLESS_CONTROL` if somebody else listens there
   */
  async open(predecessor?: UnixAddress): Promise<void> {
    const socket = await this.#bind(predecessor)
    if (!socket) return
    const { handle, bound } = socket
    const server = createControlServer(this.#service)
    listenOnPipe(server, handle, this.path, undefined)
    server.unref()
    const former = this.#server
    this.#server = server
    this.#bound = bound
    former?.close()
  }

  /** Removes the path, unless it leads elsewhere by now. */
  leave(): void {
    if (this.#bound) removePath(this.#bound)
  }

  /** Ends it, and removes the path; who has asked is still answered. */
  close(): void {
    this.#isClosed = true
    this.leave()
    this.#server?.close()
  }

  #bind(predecessor: UnixAddress | undefined): Promise<UnixSocket | undefined> {
    const target = {
      path: this.path,
      rights: { mode: 0o600, owner: undefined },
      readableAll: false,
      writableAll: false,
      backlog: undefined,
      replaces: [predecessor, this.#bound],
      isWanted: () => !this.#isClosed,
    }
    return new Promise((resolve, reject) => {
      bindUnixSocket(target, (result) => {
        if (result instanceof Error) reject(cannotListen(this.path, result))
        else resolve(result)
      })
    })
  }
}

function cannotListen(file: string, cause: NodeJS.ErrnoException): EndlessError {
  const found =
    cause.code === 'EADDRINUSE'
      ? 'a living process listens there, or it is no socket. Stop that, or give another path'
      : messageOf(cause)
  return refusal(file, `${found}.`, cause)
}

/**
 * Makes a path absolute where a control socket can be.
 *
 * @throws `ERR_ENDLESS_CONTROL` if there can be none
 */
function checkedPath(given: string): string {
  if (isAbstract(given)) throw refusal(given, 'a name without a file is open to every user.')
  const file = path.resolve(given)
  let mode: number
  try {
    resolveSocketPath(file, '/')
    // With the separator a file in its place is refused, too.
    mode = statSync(path.dirname(file) + path.sep).mode
  } catch (cause) {
    throw refusal(file, `${messageOf(cause)}.`, cause)
  }
  const isForAll = (mode & 0o002) !== 0
  const isSticky = (mode & 0o1000) !== 0
  if (isForAll && !isSticky) {
    throw refusal(
      file,
      'every user may write to its directory, and so could put another socket in its place. ' +
        'Take that right away (chmod o-w), or give another path.',
    )
  }
  return file
}

function refusal(file: string, why: string, cause?: unknown): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_CONTROL',
    `Cannot keep a control socket at ${file}: ${why}`,
    cause === undefined ? {} : { cause },
  )
}
