import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'

/** The open streams of a session; none once it is destroyed (lib/internal/http2/core.js). */
export function openStreamsOf(session: ServerHttp2Session): ServerHttp2Stream[] {
  const key = Object.getOwnPropertySymbols(session).find(
    ({ description }) => description === 'state',
  )
  const state = (session as unknown as Record<symbol, unknown>)[key ?? Symbol()] as
    { streams: Map<number, ServerHttp2Stream> } | undefined
  return [...(state?.streams.values() ?? [])]
}
