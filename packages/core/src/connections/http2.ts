import type http from 'node:http'
import type {
  Http2SecureServer,
  Http2Server,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'
import type net from 'node:net'
import { acceptedSocketOf, openStreamsOf, rawHandleOf } from '../node/internals.js'
import { shadow } from '../node/shadow.js'
import type { System } from '../node/system.js'
import type { DrainOptions } from './drain-options.js'
import { drainHttp1 } from './http1.js'
import type { OpenConnections } from './open-connections.js'

/** How long a client that has had everything may stay silent before its connection is destroyed. */
const lingerMs = 2_000

/** How often to look whether a GOAWAY is out that has to wait until its client reads. */
const unsentMs = 20

/**
 * Ends the connections of an HTTP/2 server that accepts no more. A session is closed: GOAWAY names
 * the last stream that is served, the streams up to there finish, and a later one is refused in the
 * way that lets its client send it again elsewhere (RFC 9113, section 8.7). One that has not had a
 * stream yet is closed after its first, or when it has been quiet for `idleGraceMs`: closed at once,
 * what its client sends with the connection itself would be lost on some. HTTP/1 connections beside
 * them end as on any server. Answers what undoes it; what has been closed goes on to its end.
 *
 * Not the server's `close`: before Node 24 that sends no GOAWAY.
 */
export function drainHttp2(
  server: Http2Server | Http2SecureServer,
  connections: OpenConnections,
  options: DrainOptions,
): () => void {
  const { system, idleGraceMs } = options
  const waiting = new Map<ServerHttp2Session, () => void>()

  const close = (session: ServerHttp2Session): void => {
    waiting.get(session)?.()
    const socket = connections.sessions.get(session)
    closeAfterGoaway(session, system)
    if (socket) destroySilent(session, socket, system)
  }

  const end = (session: ServerHttp2Session): void => {
    if (session.state.lastProcStreamID) {
      close(session)
      return
    }
    // In the next turn: what was read together with the first stream is served too.
    const closeSoon = (): void => {
      setImmediate(close, session)
    }
    // Unreferenced: the drain itself holds the process.
    const timer = system
      .setTimeout(() => {
        close(session)
      }, idleGraceMs)
      .unref()
    session.once('stream', closeSoon)
    waiting.set(session, () => {
      clearTimeout(timer)
      session.off('stream', closeSoon)
      waiting.delete(session)
    })
  }

  const undoHttp1 = drainHttp1(server as unknown as http.Server, connections, options)
  for (const session of connections.sessions.keys()) end(session)
  server.on('session', end)
  return () => {
    server.off('session', end)
    for (const stopWaiting of [...waiting.values()]) stopWaiting()
    undoHttp1()
  }
}

/**
 * Sends GOAWAY, and closes the session once that is out. Node's `close` alone refuses each stream
 * that it reads before then, in the midst of reading: the reset sends the GOAWAY too, which frees
 * the stream that is being read. Node 20.20.2, 22.22.0 and 24.15.0 die of it (nodejs/node#64166).
 * Here nobody sees such a stream; nghttp2 drops it with the GOAWAY, since its number is higher.
 */
function closeAfterGoaway(session: ServerHttp2Session, system: System): void {
  if (session.closed || session.destroyed) return
  const { lastProcStreamID: last = 0 } = session.state
  const emit = session.emit.bind(session) as (name: string | symbol, ...args: unknown[]) => boolean
  shadow(session, 'emit', (name: string | symbol, ...args: unknown[]): boolean => {
    if (name !== 'stream') return emit(name, ...args)
    const stream = args[0] as ServerHttp2Stream
    if ((stream.id ?? 0) <= last) return emit(name, ...args)
    stream.on('error', () => undefined) // that it was refused
    return true
  })
  const closeWhenSent = (): void => {
    if (session.destroyed) return
    if (session.state.outboundQueueSize === 0) session.close()
    // Unreferenced: the drain itself holds the process.
    else system.setTimeout(closeWhenSent, unsentMs).unref()
  }
  session.goaway()
  // Node's own turn to send comes before this one, unless a write is under way.
  setImmediate(closeWhenSent)
}

/**
 * Destroys the connection of a closed session when it has no stream left, everything is written and
 * its client neither ends it nor says anything more. On Node 20 some such sessions over TLS are
 * never destroyed, even after the client has left.
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
      if (isSilent && !rawHandleOf(accepted)?.writeQueueSize) accepted.destroy()
      else destroySilent(session, socket, system)
    }, lingerMs)
    .unref()
}
