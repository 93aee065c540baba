import { statSync } from 'node:fs'
import type http from 'node:http'
import path from 'node:path'
import { EndlessError, messageOf } from '../api/endless-error.js'
import type { UnixAddress } from '../listeners/address.js'
import { isAbstract, pathProblem, leadsTo, removePath } from '../listeners/unix-path.js'
import { bindUnixSocket, type UnixSocket } from '../listeners/unix-socket.js'
import { listenOnPipe } from '../node/internals/listening-handle.js'
import { createControlServer } from './control-server.js'
import type { Service } from './service.js'

/**
 * Control socket of a service: a Unix socket to which only the user of the service can connect.
 * See docs/decisions.md, "The control socket changes hands by its path"
 */
export class ControlSocket {
  /** Absolute. */
  readonly path: string
  readonly #service: Service
  #server: http.Server | undefined
  #bound: UnixAddress | undefined
  #isClosed = false

  /** @throws `ERR_ENDLESS_CONTROL` if no socket can be there, or if every user could replace it */
  constructor(given: string, service: Service) {
    this.path = checkedPath(given)
    this.#service = service
  }

  /** Where the socket is bound; a successor needs this to replace the path. */
  get bound(): UnixAddress | undefined {
    return this.#bound
  }

  /**
   * Listens; settles when the path leads here. Takes over a path that a dead process left, and replaces
   * a socket of the predecessor, or an earlier socket of its own, in one step. Does nothing if the path leads here
   * already: connections that wait to be accepted would be reset.
   *
   * @throws (rejects) `ERR_ENDLESS_CONTROL` if another process listens there
   */
  async open(predecessor?: UnixAddress): Promise<void> {
    if (this.#server?.listening && this.#bound && leadsTo(this.#bound)) return
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

  /** Removes the path, unless it leads to another socket by now. */
  leave(): void {
    if (this.#bound) removePath(this.#bound)
  }

  /** Stops listening and removes the path; requests that have arrived still get their responses. */
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
      ? 'a living process listens there, or the path is not a socket. Stop the process, or give another path'
      : messageOf(cause)
  return refusal(file, `${found}.`, cause)
}

/**
 * Returns the absolute path of a control socket.
 *
 * @throws `ERR_ENDLESS_CONTROL` if no control socket can be there
 */
function checkedPath(given: string): string {
  if (isAbstract(given)) throw refusal(given, 'any user can use an abstract socket. Give a path.')
  const file = path.resolve(given)
  const problem = pathProblem(file)
  if (problem !== undefined) throw refusal(file, problem)
  let mode: number
  try {
    // With the separator at the end, a file in place of the directory is refused too.
    mode = statSync(path.dirname(file) + path.sep).mode
  } catch (cause) {
    throw refusal(file, `${messageOf(cause)}.`, cause)
  }
  const isForAll = (mode & 0o002) !== 0
  const isSticky = (mode & 0o1000) !== 0
  if (isForAll && !isSticky) {
    throw refusal(
      file,
      'every user may write to its directory, and so could replace the socket. ' +
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
