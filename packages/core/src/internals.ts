import type http from 'node:http'
import type net from 'node:net'

// All that endless touches of Node without Node documenting it, in one place. Each name is the same
// in Node 20, 22, 24 and 26, and test/e2e holds the behaviour that rests on it on each of them.

/** A raw libuv listening handle (`TCP` in lib/net.js), as `server._handle` and IPC have it. */
export interface RawListener {
  /** Backlog to `listen(2)`; answers 0 or a negative errno. */
  listen(backlog: number): number
  close(callback?: () => void): void
  ref(): void
  unref(): void
  readonly fd?: number
}

/** The listening handle of a server; `null` while it does not listen. */
export function rawListenerOf(server: net.Server): RawListener | null {
  return (server as unknown as { _handle: RawListener | null })._handle
}

interface HttpSocket {
  _httpMessage?: http.ServerResponse | null
  parser?: { incoming?: http.IncomingMessage | null } | null
}

/** The response that a connection is writing or waits to write, `undefined` when it has none. */
export function responseOn(socket: net.Socket): http.ServerResponse | undefined {
  return (socket as HttpSocket)._httpMessage ?? undefined
}

/** The request that was read last from a connection, `undefined` before the first. */
export function newestRequestOn(socket: net.Socket): http.IncomingMessage | undefined {
  return (socket as HttpSocket).parser?.incoming ?? undefined
}

/** The accepted TCP socket below a TLS socket of a server (lib/internal/tls/wrap.js, TLSSocket). */
export function rawSocketOf(socket: net.Socket): net.Socket | undefined {
  return (socket as { _parent?: net.Socket })._parent
}
