import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { certificate, key } from './certificate.js'
import type { Rotation } from './rotation.js'

export type Http1Fault =
  | 'lose'
  | 'reset'
  | 'close'
  | 'cut'
  | 'cut-chunks'
  | 'delay'
  | 'duplicate'
  | 'swap'
  | 'corrupt'
  | 'shorten'
  | 'status'
  | 'garble'
  | 'close-idle'
  | 'announce'

export const delayMs = 150

interface Http1Server {
  port: number
  /** Requests that a client sent before it had seen that its idle connection was being closed. */
  readonly raced: number
  close: () => void
}

/** Starts a server over HTTP/1 that echoes, and does to some requests what the rotation says; returns its port. */
export async function startHttp1(
  rotation: Pick<Rotation<Http1Fault>, 'next'>,
  isTls: boolean,
): Promise<Http1Server> {
  /** The body of the request before. */
  let previous = Buffer.alloc(0)
  const closing = new WeakSet<Socket>()
  let raced = 0

  const listener: http.RequestListener = (request, response) => {
    if (closing.has(request.socket)) {
      raced++
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      misbehave(rotation.next(), body, response)
      previous = body
    })
  }

  function misbehave(fault: Http1Fault | undefined, body: Buffer, response: http.ServerResponse) {
    const { socket } = response
    if (!socket) return
    const length = body.length
    switch (fault) {
      case undefined:
        response.end(body)
        break
      case 'lose':
        break
      case 'reset':
        // Over TLS there is nothing but the end of the connection.
        if (isTls) socket.destroy()
        else socket.resetAndDestroy()
        break
      case 'close':
        socket.end()
        break
      case 'cut':
        response.writeHead(200, { 'content-length': length + 1 })
        response.write(body, () => socket.destroy())
        break
      case 'cut-chunks':
        response.write(body, () => socket.destroy())
        break
      case 'delay':
        setTimeout(() => response.end(body), delayMs)
        break
      case 'duplicate':
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`)
        socket.write(body)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain')
        break
      case 'swap':
        response.end(previous)
        break
      case 'corrupt':
        body[length - 1] = (body[length - 1] ?? 0) ^ 1
        response.end(body)
        break
      case 'shorten':
        response.end(body.subarray(0, length - 1))
        break
      case 'status':
        response.writeHead(503).end(body)
        break
      case 'garble':
        socket.write('HTTQ/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        break
      case 'close-idle':
        closing.add(socket)
        response.end(body, () => socket.end())
        break
      case 'announce':
        response.writeHead(200, { connection: 'close' }).end(body)
        break
    }
  }

  const server = isTls
    ? https.createServer({ key, cert: certificate }, listener)
    : http.createServer(listener)
  // Nothing is closed but on purpose.
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get raced() {
      return raced
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
