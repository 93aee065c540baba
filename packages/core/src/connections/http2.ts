import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type net from 'node:net'
import { acceptedSocketOf, unsentBytesOf } from '../node/internals/connection-handle.js'
import { openStreamsOf } from '../node/internals/http2-session.js'
import { shadow } from '../node/shadow.js'
import type { System } from '../node/system.js'
import type { DrainOptions } from './drain-options.js'
import type { OpenConnections } from './open-connections.js'

// The drain of HTTP/2 sessions.

/** How long a client that has received everything may stay silent before its connection is destroyed. */
const lingerMs = 2_000

/** How often to check whether a GOAWAY has been sent; it may have to wait until the client reads. */
const unsentMs = 20

/**
 * Ends the HTTP/2 sessions of a server that no longer accepts, also those that a server behind it has begun. Sessions
 * are closed: GOAWAY names the last stream that is served, streams up to that one finish, and later ones are not
 * begun: the client may send them again elsewhere (RFC 9113, section 8.7). A session that has had no
 * stream yet is closed after its first, or when it has been idle for `idleGraceMs`: if it were closed
 * at once, some clients would lose the requests that they send together with the connection itself.
 * Returns an undo function; sessions that are closed already still end.
 *
 * Does not call the server's `close`, which sends no GOAWAY before Node 24.
 */
export function drainHttp2(
  server: net.Server,
  connections: OpenConnections,
  { system, idleGraceMs }: DrainOptions,
): () => void {
  const waiting = new Map<ServerHttp2Session, () => void>()

  const close = (session: ServerHttp2Session): void => {
    waiting.get(session)?.()
    const socket = connections.sessions.get(session)
    closeAfterGoaway(session, system)
    if (socket) destroySilent(session, socket, system)
  }

  const end = (session: ServerHttp2Session): void => {
    if (session.destroyed) return
    if (session.state.lastProcStreamID) {
      close(session)
      return
    }
    // In the next turn: streams that were read together with the first are served too.
    const closeSoon = (): void => {
      setImmediate(close, session)
    }
    // Unreferenced: the drain itself holds the process.
    const timer = system
      .setTimeout(() => {
        close(session)
      }, idleGraceMs(server))
      .unref()
    session.once('stream', closeSoon)
    waiting.set(session, () => {
      clearTimeout(timer)
      session.off('stream', closeSoon)
      waiting.delete(session)
    })
  }

  connections.addFromBehind()
  for (const session of connections.sessions.keys()) end(session)
  server.on('session', end)
  return () => {
    server.off('session', end)
    for (const stopWaiting of [...waiting.values()]) stopWaiting()
  }
}

/**
 * Sends GOAWAY, and closes the session once it is sent. Node's `close` alone refuses each stream that
 * it reads before then, in the middle of reading: the reset also sends the GOAWAY, which frees the
 * stream that is being read. Node 20.20.2, 22.22.0 and 24.15.0 crash on it (nodejs/node#64166). Here
 * the application never sees such a stream; nghttp2 drops it with the GOAWAY, as its number is higher.
 *
 * See docs/decisions.md, "A session of HTTP/2 closes after its GOAWAY is out"
 */
function closeAfterGoaway(session: ServerHttp2Session, system: System): void {
  if (session.closed || session.destroyed) return
  const { lastProcStreamID: last = 0 } = session.state
  const emit = session.emit.bind(session) as (name: string | symbol, ...args: unknown[]) => boolean
  shadow(session, 'emit', (name: string | symbol, ...args: unknown[]): boolean => {
    if (name !== 'stream') return emit(name, ...args)
    const stream = args[0] as ServerHttp2Stream
    if ((stream.id ?? 0) <= last) return emit(name, ...args)
    stream.on('error', () => undefined) // swallows the refusal
    return true
  })
  const closeWhenSent = (): void => {
    if (session.destroyed) return
    if (session.state.outboundQueueSize === 0) session.close()
    // Unreferenced: the drain itself holds the process.
    else system.setTimeout(closeWhenSent, unsentMs).unref()
  }
  session.goaway()
  // Node itself sends before this callback runs, unless a write is under way.
  setImmediate(closeWhenSent)
}

/**
 * Destroys the connection of a closed session when no stream is left, everything is written, and the
 * client neither ends the connection nor sends anything more. On Node 20, some such sessions over TLS
 * are never destroyed, even after the client has left.
 */
function destroySilent(session: ServerHttp2Session, socket: net.Socket, system: System): void {
  const [stream] = openStreamsOf(session)
  if (stream) {
    stream.once('close', () => {
      destroySilent(session, socket, system)
    })
    return
  }
  const accepted = acceptedSocketOf(socket)
  const { bytesRead } = accepted
  // Unreferenced: the drain itself holds the process.
  system
    .setTimeout(() => {
      const isSilent = accepted.bytesRead === bytesRead
      if (isSilent && unsentBytesOf(accepted) === 0) accepted.destroy()
      else destroySilent(session, socket, system)
    }, lingerMs)
    .unref()
}
