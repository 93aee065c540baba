import type net from 'node:net'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'

/**
 * The session on a connection, by whatever key Node keeps it there (lib/internal/http2/core.js, Http2Session):
 * `undefined` is one in Node 20 to 26.
 */
export function sessionOn(socket: net.Socket): ServerHttp2Session | undefined {
  return Reflect.ownKeys(socket)
    .map((key) => (socket as unknown as Record<string | symbol, unknown>)[key])
    .find((value): value is ServerHttp2Session => classOf(value) === 'ServerHttp2Session')
}

function classOf(value: unknown): string | undefined {
  return (value as { constructor?: { name?: string } } | null | undefined)?.constructor?.name
}

/** The open streams of a session; none once it is destroyed (lib/internal/http2/core.js). */
export function openStreamsOf(session: ServerHttp2Session): ServerHttp2Stream[] {
  const key = Object.getOwnPropertySymbols(session).find(
    ({ description }) => description === 'state',
  )
  const state = (session as unknown as Record<symbol, unknown>)[key ?? Symbol()] as
    { streams: Map<number, ServerHttp2Stream> } | undefined
  return [...(state?.streams.values() ?? [])]
}
