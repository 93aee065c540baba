import http from 'node:http'
import { duplexPair } from 'node:stream'
import tls from 'node:tls'
import type { System } from '../node/system.js'

/** The options of {@link askServer}. */
export interface AskOptions {
  system: Pick<System, 'setTimeout'>
  timeoutMs: number
  userAgent: string
}

/**
 * Sends GET `path` through a server, inside this process: no connection is needed. Resolves with the status when the
 * response has been read.
 */
export function askServer(
  server: http.Server,
  path: string,
  { system, timeoutMs, userAgent }: AskOptions,
): Promise<number> {
  const [client, served] = duplexPair()
  const isSecure = server instanceof tls.Server
  // What a program reads of the socket, such as `request.ip`, is that of a client on this machine.
  Object.assign(served, {
    remoteAddress: '127.0.0.1',
    remoteFamily: 'IPv4',
    remotePort: 0,
    localAddress: '127.0.0.1',
    setTimeout: () => served,
    setNoDelay: () => served,
    setKeepAlive: () => served,
    ref: () => served,
    unref: () => served,
    ...(isSecure && { encrypted: true, authorized: false, getPeerCertificate: () => ({}) }),
  })
  return new Promise<number>((resolve, reject) => {
    const timer = system.setTimeout(() => {
      reject(new Error('no answer'))
    }, timeoutMs)
    const request = http.get(
      {
        path,
        createConnection: () => client,
        headers: { host: 'localhost', connection: 'close', 'user-agent': userAgent },
      },
      (response) => {
        response.resume()
        response.on('error', reject)
        response.on('end', () => {
          resolve(response.statusCode ?? 500)
        })
      },
    )
    request.on('error', reject)
    // After the request has been written to, so that an error of the handler finds a listener.
    server.emit(isSecure ? 'secureConnection' : 'connection', served)
    void request.once('close', () => {
      clearTimeout(timer)
    })
  }).finally(() => {
    client.destroy()
    served.destroy()
  })
}
