import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { certificate, key } from './certificate.js'
import type { Rotation } from './rotation.js'

export type Http2Fault =
  'lose' | 'reset' | 'refuse' | 'cut' | 'delay' | 'swap' | 'corrupt' | 'status' | 'go-away'

export const delayMs = 150

/** Starts a server over HTTP/2 that echoes, and does to some requests what the rotation says; returns its port. */
export async function startHttp2(
  rotation: Pick<Rotation<Http2Fault>, 'next'>,
  isTls: boolean,
): Promise<{ port: number; close: () => void }> {
  const { NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR } = http2.constants
  /** The body of the request before. */
  let previous = Buffer.alloc(0)
  const sessions = new Set<http2.ServerHttp2Session>()
  const server = isTls ? http2.createSecureServer({ key, cert: certificate }) : http2.createServer()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream) => {
    const chunks: Buffer[] = []
    stream.on('error', () => undefined) // those that are reset on purpose
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      if (stream.destroyed) return
      const body = Buffer.concat(chunks)
      misbehave(rotation.next(), body, stream)
      previous = body
    })
  })

  function answer(stream: http2.ServerHttp2Stream, body: Buffer, status = 200): void {
    if (stream.destroyed) return
    stream.respond({ ':status': status })
    stream.end(body)
  }

  function misbehave(
    fault: Http2Fault | undefined,
    body: Buffer,
    stream: http2.ServerHttp2Stream,
  ): void {
    switch (fault) {
      case undefined:
        answer(stream, body)
        break
      case 'lose':
        break
      case 'reset':
        stream.close(NGHTTP2_INTERNAL_ERROR)
        break
      case 'refuse':
        stream.close(NGHTTP2_REFUSED_STREAM)
        break
      case 'cut':
        stream.respond({ ':status': 200, 'content-length': body.length + 1 })
        stream.write(body, () => stream.close(NGHTTP2_INTERNAL_ERROR))
        break
      case 'delay':
        setTimeout(() => answer(stream, body), delayMs)
        break
      case 'swap':
        answer(stream, previous)
        break
      case 'corrupt':
        body[body.length - 1] = (body[body.length - 1] ?? 0) ^ 1
        answer(stream, body)
        break
      case 'status':
        answer(stream, body, 503)
        break
      case 'go-away':
        answer(stream, body)
        stream.session?.close()
        break
    }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }
}
