import { AsyncResource } from 'node:async_hooks'
import { aroundConnection } from '../node/internals/listening-handle.js'
import type { RawListener } from '../node/internals/raw-handle.js'

/**
 * The asynchronous context of a `listen` call, in which a program sees its `AsyncLocalStorage`. Node runs
 * what a server does for a connection in the context in which the listening handle was created. A handle
 * that came from another process was created in none of the program's.
 * See docs/decisions.md, "Connections arrive in the context of `listen`"
 */
export class ListenContext {
  readonly #call = new AsyncResource('ENDLESS_LISTEN')

  /** Calls `body` in this context. */
  run<T>(body: () => T): T {
    return this.#call.runInAsyncScope(body)
  }

  /** Makes the connections that a handle accepts arrive in this context. Call when its server listens on it. */
  receiveOn(handle: RawListener): void {
    aroundConnection(handle, (accept) => {
      this.run(accept)
    })
  }
}
